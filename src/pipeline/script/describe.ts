import { dirname, join } from 'node:path';
import type { Digest } from '../../base/digest.js';
import { absolute } from '../../base/paths.js';
import type { Manifest } from '../../base/result.js';
import { parseDepInfo } from '../../keying/depInfo.js';
import { isKnown } from '../../keying/manifest.js';
import { holdsPath } from '../../keying/scan.js';
import { hasRawBytes } from '../../wire/bytes.js';
import type { Sighting } from '../../wire/observed.js';
import type { DiskPort, PipelinePorts } from '../ports.js';
import type { Ran } from '../record.js';
import { addDeclared } from './declared.js';
import { ALL } from './environment.js';
import { asksAsWell } from './flags.js';
import { scriptManifest } from './manifest.js';
import { readsOf } from './observed.js';
import type { ScriptUnit } from './prepare.js';
import { packTree, type TreeEntry } from './tree.js';

export interface ScriptRan extends Ran {
  /** undefined when it was not watched to its end. */
  sightings: readonly Sighting[] | undefined;
  /** Whether OUT_DIR was empty when it began. */
  wasEmpty: boolean;
}

const MAX_TREE_BYTES = 512 * 1024 * 1024;

/** A run as it goes into the store: paths of this machine are names. */
export interface ScriptRecord {
  manifest: Manifest;
  /** A variable that may hold a secret, if one was asked for. */
  secret: string | undefined;
  /** OUT_DIR, packed. */
  tree: Buffer;
  /** Contents that stand beside it. */
  large: ReadonlyMap<Digest, Buffer>;
  stdout: Buffer;
  stderr: Buffer;
}

/** @returns a text: why the run can be told to nobody */
export async function describeRun(
  unit: ScriptUnit,
  ran: ScriptRan,
  { disk, hasher, ...ports }: PipelinePorts,
): Promise<ScriptRecord | string> {
  if (ran.code !== 0) return 'failed';
  if (ran.truncated) return 'too much output';
  if (!ran.wasEmpty) return 'OUT_DIR was not empty';
  if (ran.sightings === undefined) return 'not watched to its end';
  if (hasRawBytes(ran.stdout) || hasRawBytes(ran.stderr)) return 'raw bytes in its output';
  const reads = readsOf(unit, ran.sightings, disk);
  if (typeof reads === 'string') return reads;
  const problem = addDeclared(unit, ran.stdout, reads, disk);
  if (problem !== undefined) return problem;
  if (await mayListVariables(unit, disk)) reads.env.add(ALL);
  for (const name of asksAsWell(reads.env, unit)) reads.env.add(name);
  const read = await scriptManifest(unit, reads, BigInt(ran.startedNs), { disk, hasher, ...ports });
  if (typeof read === 'string') return read;
  const stdout = unit.mapText(ran.stdout);
  const stderr = unit.mapText(ran.stderr);
  if (stdout === undefined || stderr === undefined) return 'output that cannot be told for others';
  const entries = disk.walk(unit.outDir);
  if (entries === undefined) return 'OUT_DIR holds more than files, directories and links';
  if (bytesOf(entries) > MAX_TREE_BYTES) return 'too large';
  const packed = await packTree(
    entries,
    (path) => disk.readRaw(`${unit.outDir}/${path}`),
    unit.roots,
    hasher,
  );
  if (packed === 'changed') return 'OUT_DIR changed meanwhile';
  if (packed === 'beyond bounds') return 'OUT_DIR holds too many or too long names';
  const bound = new Set([...packed.found].map((real) => unit.roots.map(real)));
  if (reachesOut(unit, read.manifest, [stdout, stderr, packed.blob, ...packed.large.values()]))
    bound.add(ownRoot(unit));
  const manifest: Manifest = {
    ...read.manifest,
    bound: [...bound]
      .sort()
      .map((root) => [root, hasher.hash(unit.roots.expand(root) ?? root)] as const),
  };
  return {
    manifest,
    secret: read.secret,
    tree: packed.blob,
    large: packed.large,
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
  };
}

/**
 * Whether a script may go through its environment as a list, which no observer sees. One that also
 * starts programs has to be asked by its sources: the standard library does so to start them.
 */
async function mayListVariables(
  { program, cwd, roots }: ScriptUnit,
  disk: DiskPort,
): Promise<boolean> {
  if (await disk.mayReadAllVariables(program)) return true;
  const dir = dirname(program);
  const depInfo = (disk.list(dir) ?? []).filter((name) => name.endsWith('.d'));
  const sources = depInfo.flatMap((name) => {
    const text = disk.read(join(dir, name))?.toString('utf8');
    return text === undefined ? [] : parseDepInfo(text).inputs;
  });
  if (sources.length === 0) return true;
  // Cargo compiles members of a workspace from its top, and runs their scripts further down.
  const tops = [cwd, roots.expand('/vr/ws') ?? cwd];
  return sources.some((source) => {
    const path = tops.map((top) => absolute(top, source)).find((each) => disk.exists(each));
    const text = path === undefined ? undefined : disk.read(path);
    return text === undefined || /\bvars_os\b/.test(text.toString('utf8'));
  });
}

/** Settings of the user and of the machine are the same for all of their checkouts. */
const SETTINGS = /^\/vr\/home\/\.|^\/(etc|proc|sys|dev|run|var)\//;

/**
 * Whether a run looked at, or names, what lies around the checkout: in another one there lies
 * something else, at a path that the first one's name for it does not lead to.
 */
function reachesOut(
  { roots }: ScriptUnit,
  { inputs, absent, listed }: Manifest,
  made: readonly (string | Buffer)[],
): boolean {
  const looked = [...inputs.map(([path]) => path), ...absent, ...listed.map(([path]) => path)];
  if (looked.some((path) => !isKnown(path, roots) && !SETTINGS.test(path))) return true;
  const names = ['/vr/home/'];
  const home = `${roots.expand('/vr/home') ?? ''}/`;
  const isAbove = (dir: string) => dir !== '/' && !home.startsWith(`${dir}/`);
  for (let dir = dirname(roots.expand('/vr/ws') ?? '/'); isAbove(dir); dir = dirname(dir)) {
    names.push(dir);
  }
  const bytesIn = (text: string | Buffer) => (typeof text === 'string' ? Buffer.from(text) : text);
  return made.some((text) => holdsPath(bytesIn(text), names) !== undefined);
}

function ownRoot({ roots }: ScriptUnit): string {
  return roots.expand('/vr/ws') === undefined ? '/vr/cargo' : '/vr/ws';
}

function bytesOf(entries: readonly TreeEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
}
