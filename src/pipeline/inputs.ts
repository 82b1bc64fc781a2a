import { basename, dirname, join } from 'node:path';
import type { Digest, Hasher } from '../base/digest.js';
import { absolute } from '../base/paths.js';
import type { Manifest } from '../base/result.js';
import { parseDepInfo } from '../keying/depInfo.js';
import { isIncludeOnly } from '../keying/includeOnly.js';
import type { Sighting } from '../wire/observed.js';
import type { Artifacts } from './artifacts.js';
import { type Beyond, beyondDeclared } from './beyond.js';
import { type Absences, absences, bundledLibraries, linkedFiles } from './linked.js';
import { namedFiles } from './named.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';
import { dependencies, readUnseen, textsOf } from './unseen.js';

/**
 * File times come from the kernel's tick (up to 10 ms); a change this close to the compiler's
 * start may be after it.
 */
const GRAIN_NS = 20_000_000n;

/** Files that were new when the compile began, by path: what was in them, and since when. */
export type Fresh = ReadonlyMap<string, FreshFile>;

interface FreshFile {
  digest: Digest;
  changedNs: bigint;
  /** By a build script; else it is a source. */
  generated: boolean;
}

/** Why a result is bound to a root, by the root's name. For people. */
export type Reasons = Map<string, string>;

/** What a compile read, or why that cannot be told for certain. */
export type Reading =
  | { kind: 'manifest'; manifest: Manifest; because: Reasons }
  | { kind: 'unsure'; reason: string };

/**
 * A build script writes into OUT_DIR moments before its crate compiles, and cargo unpacks or checks
 * out a crate's sources, too close for times to tell: such files are digested before the compiler
 * starts.
 */
export function snapshotFresh(unit: Unit, disk: DiskPort, nowNs: bigint): Fresh {
  const fresh = new Map<string, FreshFile>();
  const isFresh = (changed: bigint | undefined) =>
    changed !== undefined && changed > nowNs - 10n * GRAIN_NS;
  const source = absolute(unit.cwd, unit.plan.source);
  let budget = 512;
  const look = (top: string | undefined, generated: boolean) => {
    const open = top === undefined ? [] : [top];
    for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
      for (const name of disk.list(dir) ?? []) {
        if (--budget < 0) return;
        const path = `${dir}/${name}`;
        const changedNs = disk.changedNs(path);
        if (changedNs === undefined) open.push(path);
        else if (isFresh(changedNs)) {
          const digest = disk.digest(path);
          if (digest !== undefined) fresh.set(path, { digest, changedNs, generated });
        }
      }
    }
  };
  look(unit.env.get('OUT_DIR'), true);
  if (isFresh(disk.changedNs(source))) look(dirname(source), false);
  return fresh;
}

/** Whether a new file is what it was before the compiler began. People change sources meanwhile. */
function isAsBefore(before: FreshFile | undefined, digest: Digest, changedNs: bigint): boolean {
  return before?.digest === digest && (before.generated || before.changedNs === changedNs);
}

/** What the caller may take away or put there as soon as it goes on. */
export interface Early extends Absences {
  /** Files that the linker read; a text is why they cannot be told. */
  linked: string[] | string;
  /** Files that flags name. */
  named: string[];
}

/** @param opened what the linker opened; undefined when it did not say */
export function lookEarly(
  unit: Unit,
  {
    depInfo,
    opened,
    startedNs,
  }: { depInfo: string; opened: readonly string[] | undefined; startedNs: bigint },
  artifacts: Artifacts,
  disk: DiskPort,
): Early {
  const linked = linkedFiles(unit, opened, artifacts, disk);
  const sources = parseDepInfo(depInfo).inputs.map((path) => absolute(unit.cwd, path));
  const sinceNs = startedNs - GRAIN_NS;
  const files = typeof linked === 'string' ? [] : linked;
  return {
    linked,
    named: namedFiles(unit, disk),
    ...absences(unit, { sources, linked: files, sinceNs }, disk),
  };
}

/**
 * The manifest of a compile that ended, from the dep-info and the linker's dependency file.
 * Bound to no root yet but those that its variables and flags ask for; see `bindTo`.
 */
export async function readManifest(
  unit: Unit,
  options: {
    depInfo: string;
    /** What had to be looked at before the caller went on. */
    early: Early;
    startedNs: bigint;
    fresh: Fresh;
    /** What the compiler and its children looked at; undefined when nobody watched. */
    sightings: readonly Sighting[] | undefined;
    artifacts: Artifacts;
    disk: DiskPort;
    hasher: Hasher;
  },
): Promise<Reading> {
  const { disk, hasher, fresh } = options;
  const info = parseDepInfo(options.depInfo);
  const sources = info.inputs.map((path) => absolute(unit.cwd, path));
  const { linked, named, appeared } = options.early;
  if (typeof linked === 'string') return { kind: 'unsure', reason: linked };
  const sinceNs = options.startedNs - GRAIN_NS;

  const texts = await textsOf(sources, disk);
  const unseen = await readUnseen(unit, texts, disk);
  if (unseen !== undefined) return { kind: 'unsure', reason: unseen };
  if (await macrosReadAll(unit, options)) {
    return { kind: 'unsure', reason: 'a macro may read all variables' };
  }
  const inputs = new Map<string, Digest>();
  const bundled = await bundledLibraries(unit, texts, disk);
  if (typeof bundled === 'string') return { kind: 'unsure', reason: bundled };
  const isMoved = movedSince(sinceNs, disk);
  const declared = new Set([...sources, ...linked, ...bundled, ...named]);
  const beyond = lookBeyond(unit, declared, options);
  if (typeof beyond === 'string') return { kind: 'unsure', reason: beyond };
  for (const path of [...declared, ...beyond.files]) {
    // The time comes last: what takes the file's place meanwhile has a later one.
    const digest = await disk.digestAsync(path);
    const changed = disk.changedNs(path);
    if (changed === undefined || digest === undefined) {
      return { kind: 'unsure', reason: `input gone: ${path}` };
    }
    const unsettled = changed > sinceNs || isMoved(path);
    if (unsettled && !isAsBefore(fresh.get(path), digest, changed)) {
      return { kind: 'unsure', reason: `input changed during the compile: ${path}` };
    }
    inputs.set(unit.roots.map(path), digest);
  }
  const bound: Reasons = new Map(opaqueRoots(unit).map((root) => [root, HIDDEN]));
  const env: Manifest['env'] = [];
  for (const name of new Set([...info.env, ...beyond.env])) {
    const value = unit.env.get(name);
    const mapped = value === undefined ? undefined : unit.roots.mapText(value);
    env.push([name, mapped === undefined ? null : hasher.hash(mapped)]);
    if (mapped === undefined || mapped === value || !info.env.includes(name)) continue;
    if (!isIncludeOnly(name, texts) || (await macrosMayRead(name, unit, disk))) {
      for (const root of unit.roots.names()) {
        if (mapped.includes(root.name)) bound.set(root.name, `reads the variable ${name}`);
      }
    }
  }
  const besides = absences(unit, { sources: [], linked: bundled, sinceNs }, disk);
  const came = appeared ?? besides.appeared;
  if (came !== undefined) return { kind: 'unsure', reason: `appeared during the compile: ${came}` };
  const told = new Set(info.env.map((name) => `$${name}`));
  const manifest: Manifest = {
    schema: 1,
    inputs: sorted([...inputs]),
    env: sorted(env),
    absent: [...new Set([...options.early.absent, ...besides.absent, ...beyond.absent])].sort(),
    listed: beyond.listed,
    observed:
      unit.macros.any && options.sightings === undefined
        ? null
        : beyond.observed.filter((name) => !told.has(name)),
    bound: boundPairs(bound.keys(), unit, hasher),
  };
  return { kind: 'manifest', manifest, because: bound };
}

const NOTHING: Beyond = { files: [], absent: [], listed: [], env: [], observed: [] };

function lookBeyond(
  unit: Unit,
  declared: ReadonlySet<string>,
  {
    sightings,
    startedNs,
    disk,
    hasher,
  }: {
    sightings: readonly Sighting[] | undefined;
    startedNs: bigint;
    disk: DiskPort;
    hasher: Hasher;
  },
): Beyond | string {
  if (sightings === undefined) return NOTHING;
  const settled = (path: string) => (disk.namesChangedNs(path) ?? 0n) <= startedNs - GRAIN_NS;
  return beyondDeclared(unit, sightings, declared, settled, disk, hasher);
}

/**
 * A link that was pointed elsewhere, or a directory that was put in another's place, brings other
 * files with times of long ago.
 */
function movedSince(ns: bigint, disk: DiskPort): (path: string) => boolean {
  const known = new Map<string, boolean>();
  const isMoved = (path: string): boolean => {
    const seen = known.get(path);
    if (seen !== undefined) return seen;
    const up = dirname(path);
    const moved = (disk.movedNs(path) ?? 0n) > ns || (up !== path && isMoved(up));
    known.set(path, moved);
    return moved;
  };
  return isMoved;
}

/** @param found real prefixes that stand in an output's bytes */
export function bindTo(
  manifest: Manifest,
  found: Iterable<string>,
  unit: Unit,
  hasher: Hasher,
): Manifest {
  const names = new Set(manifest.bound.map(([name]) => name));
  for (const real of found) names.add(rootAt(real, unit));
  return { ...manifest, bound: boundPairs(names, unit, hasher) };
}

/** @param real as it stands in an output, perhaps with a slash behind it */
export function rootAt(real: string, unit: Unit): string {
  return unit.roots.map(real.replace(/\/$/, ''));
}

const HIDDEN = 'a macro or a link argument may have put it where no search finds it';

function boundPairs(names: Iterable<string>, unit: Unit, hasher: Hasher): Manifest['bound'] {
  return [...names].sort().map((name) => [name, hasher.hash(unit.roots.expand(name) ?? name)]);
}

function sorted<T extends [string, unknown]>(pairs: T[]): T[] {
  return pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

/** Whether a dependency holds the variable's name: one of its macros may expand to `env!`. */
async function macrosMayRead(name: string, unit: Unit, disk: DiskPort): Promise<boolean> {
  for (const path of dependencies(unit)) {
    if (!(await disk.mentions(path, name))) continue;
    const { role } = unit.closure.records.get(path)!;
    // Sources that only include by it hold no macro that could do anything else with it.
    if (role === 'proc-macro' || !isIncludeOnly(name, await sourcesOf(path, unit, disk))) {
      return true;
    }
  }
  return false;
}

/**
 * Whether a macro that was loaded may go through its environment as a list, which no observer sees.
 * Where it also starts programs, its own sources have to tell.
 */
async function macrosReadAll(
  unit: Unit,
  { sightings, disk }: { sightings: readonly Sighting[] | undefined; disk: DiskPort },
): Promise<boolean> {
  if (sightings === undefined) return false;
  const opened = new Set(sightings.filter(({ kind }) => kind === 'r').map(({ text }) => text));
  for (const [path, { role }] of unit.closure.records) {
    if (role !== 'proc-macro' || !(opened.has(path) || opened.has(disk.realpath(path)))) continue;
    if (await disk.mayReadAllVariables(path)) return true;
    const sources = await sourcesOf(path, unit, disk);
    if (sources.some((text) => /\bvars_os\b/.test(text))) return true;
  }
  return false;
}

/** Texts that a dependency was compiled from, by the dep-info beside it; [] when one is gone. */
async function sourcesOf(path: string, unit: Unit, disk: DiskPort): Promise<string[]> {
  const stem = basename(path)
    .replace(/^lib/, '')
    .replace(/\.[a-z]+$/, '');
  const depInfo = disk.read(join(dirname(path), `${stem}.d`))?.toString('utf8');
  if (depInfo === undefined) return [];
  const inputs = parseDepInfo(depInfo).inputs.map((input) => absolute(unit.cwd, input));
  return inputs.every((input) => disk.exists(input)) ? textsOf(inputs, disk) : [];
}

/** Where bytes hide from a scan, what could have brought a path in counts as having done so. */
function opaqueRoots(unit: Unit): string[] {
  if (!unit.plan.opaque) return [];
  const linksPaths = unit.plan.linkArgs.some((arg) => unit.roots.mapText(arg) !== arg);
  if (!unit.macros.any && !linksPaths) return [];
  return unit.roots
    .names()
    .map((root) => root.name)
    .filter((name) => !/^\/vr\/(sysroot|rust-src|home)$/.test(name));
}
