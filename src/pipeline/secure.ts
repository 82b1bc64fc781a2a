import { basename, join } from 'node:path';
import { absolute } from '../base/paths.js';
import type { OutputRole } from '../base/result.js';
import { parseDepInfo } from '../keying/depInfo.js';
import { SECRET } from '../keying/secret.js';
import type { StatText } from '../wire/launcher.js';
import type { Sighting } from '../wire/observed.js';
import type { Artifacts } from './artifacts.js';
import type { Early, Fresh, Reading } from './inputs.js';
import { lookEarly, readManifest } from './inputs.js';
import { linksFromTarget, openedByLinker } from './linked.js';
import type { PipelinePorts } from './ports.js';
import type { Unit } from './prepare.js';
import type { Ran } from './record.js';
import { isSameButLinks } from './stamps.js';

/** One output where nobody can take it away any more. */
export interface SecuredFile {
  role: OutputRole;
  executable: boolean;
  /** Where the compiler wrote it. */
  path: string;
  /** Another name of the same file on the store's filesystem; `path` itself on another one. */
  held: string;
  /** The launcher's stat of it when the compiler had ended; undefined for files it cannot name. */
  made: StatText | undefined;
}

/** What was noted of the inputs before and while the compiler ran. */
export interface Seen {
  fresh: Fresh;
  sightings: readonly Sighting[] | undefined;
}

/** What compiler and linker say that they read. */
interface Lists {
  depInfo: string;
  opened: readonly string[] | undefined;
}

/** Everything of a finished compile that `rm -rf target` could take. */
export interface Secured extends Disposable {
  files: SecuredFile[];
  depInfo: string;
  /** A set variable with a secret's name that it read: what it made may hold the value. */
  secret: string | undefined;
  /** What it read; looked up once. */
  reading: () => Promise<Reading>;
  /** Whether some of that may go with the target directory. */
  isReadFromTarget: boolean;
}

/**
 * Takes hold of what a compile made, before its caller is let go: after the last unit of a build,
 * people and scripts remove or move target directories at once. Hashing, scanning and copying come
 * later, from the held names. What it read is there for as long as nobody takes it away.
 *
 * @returns or why there is nothing to store, as counted
 */
export function secure(
  unit: Unit,
  ran: Ran,
  seen: Seen,
  ports: PipelinePorts,
  artifacts: Artifacts,
): Secured | string {
  const { disk, store } = ports;
  const opened = openedByLinker(unit, readOnce(unit.linkInputs, ports));
  if (ran.code !== 0) return 'compile failed';
  const endedMs = Number(ran.startedNs) / 1e6 + ran.ms;
  if (ports.clock.now() < endedMs - 1_000) return 'the clock was set back';
  const files: SecuredFile[] = [];
  const release = () => {
    for (const file of files) if (file.held !== file.path) letGo(file, ports);
  };
  const planned = [...unit.outputs, ...dwoFiles(unit, ports)];
  for (const [index, { role, executable, path }] of planned.entries()) {
    const stat = index < unit.outputs.length ? ran.made[index] : undefined;
    const empty = typeof stat === 'string' && isWronglyEmpty(role, stat, unit);
    if (stat === null || empty) {
      release();
      return empty ? 'output empty' : 'output missing';
    }
    if (role === 'dep-info') continue;
    const held = disk.hold(path, store.tmpPath()) ?? path;
    files.push({ role, executable, path, held, made: stat });
  }
  const dep = unit.outputs.find((output) => output.role === 'dep-info');
  const depInfo = dep === undefined ? undefined : disk.read(dep.path)?.toString('utf8');
  if (depInfo === undefined) {
    release();
    return 'output missing';
  }
  const startedNs = BigInt(ran.startedNs);
  const early = lookEarly(unit, { depInfo, opened, startedNs }, artifacts, disk);
  const read = () => readInputs(unit, { depInfo, early, startedNs, ...seen }, ports, artifacts);
  let reading: Promise<Reading> | undefined;
  return {
    files,
    depInfo,
    secret: secretIn(unit, depInfo, seen.sightings),
    isReadFromTarget: readsTarget(unit, { depInfo, opened, ...seen }),
    reading: () => {
      reading ??= read();
      return reading;
    },
    [Symbol.dispose]: release,
  };
}

/** Known before anything is compiled against what was made: that holds the value as well. */
function secretIn(unit: Unit, depInfo: string, sightings: Seen['sightings']): string | undefined {
  const asked = (sightings ?? []).flatMap(({ kind, text }) => (kind === 'e' ? text : []));
  const names = [...parseDepInfo(depInfo).env, ...asked];
  return names.find((name) => SECRET.test(name) && unit.env.has(name));
}

/** Removes the second name; what is known of a library outlives that, as it moves its ctime. */
function letGo({ role, path, held }: SecuredFile, { disk, clock }: PipelinePorts): void {
  const before = role === 'rlib' || role === 'rmeta' ? disk.stamp(path) : undefined;
  const digest = before === undefined ? undefined : disk.digest(path);
  disk.remove(held);
  const after = before === undefined ? undefined : disk.stamp(path);
  if (before === undefined || digest === undefined || after === undefined) return;
  if (isSameButLinks(before, after) && isOld(after, clock.now())) {
    disk.recordFile(path, after, digest, disk.links(path));
  }
}

/** Whether a later write must show in the mtime. Some file systems stamp whole seconds only. */
function isOld(stamp: string, nowMs: number): boolean {
  const mtimeNs = BigInt(stamp.split(':')[3]!);
  const grainMs = mtimeNs % 1_000_000_000n === 0n ? 3_000 : 50;
  return Number(mtimeNs / 1_000_000n) < nowMs - grainMs;
}

/**
 * Whether more than sources of the checkout was read. Of dependencies only what a key does not
 * hold already counts, which is looked up for variables with a path and for native libraries.
 */
function readsTarget(unit: Unit, { depInfo, opened, sightings }: Seen & Lists): boolean {
  const { plan, env, roots, cwd } = unit;
  if (sightings !== undefined || unit.macros.any || env.has('OUT_DIR')) return true;
  if (linksFromTarget(unit, opened)) return true;
  if (plan.searchDirs.some(({ kind }) => kind === 'native' || kind === 'all')) return true;
  const info = parseDepInfo(depInfo);
  const holdsPath = (value: string | undefined) =>
    value !== undefined && roots.mapText(value) !== value;
  if (info.env.some((name) => holdsPath(env.get(name)))) return true;
  return info.inputs.some((path) => roots.map(absolute(cwd, path)).startsWith('/vr/target/'));
}

async function readInputs(
  unit: Unit,
  what: Seen & { depInfo: string; early: Early; startedNs: bigint },
  ports: PipelinePorts,
  artifacts: Artifacts,
): Promise<Reading> {
  const { disk, hasher } = ports;
  const reading = await readManifest(unit, { ...what, artifacts, disk, hasher });
  if (reading.kind !== 'manifest') return reading;
  if (await declaredMoved(unit, ports)) {
    return { kind: 'unsure', reason: 'extra input changed during the compile' };
  }
  if (await toolsMoved(unit, ports)) {
    return { kind: 'unsure', reason: 'compiler or linker changed during the compile' };
  }
  return reading;
}

/** Whether compiler or linker are others than when the key was made, as far as it holds them. */
async function toolsMoved({ plan, cwd, env, ...unit }: Unit, { tools }: PipelinePorts) {
  const toolchain = await tools.toolchain(plan.compiler, plan.target, cwd, env);
  if (toolchain?.id !== unit.toolchain.id || toolchain.sysroot !== unit.toolchain.sysroot)
    return true;
  if (plan.clippy !== undefined && tools.clippy(plan.clippy, cwd, env) !== unit.parts.clippy)
    return true;
  if (unit.linker === undefined) return false;
  const linker = await tools.linker(plan, cwd, env);
  return typeof linker === 'string' || linker.id !== unit.linker.id;
}

/** Whether anything that the project declares is another than when the key was made. */
async function declaredMoved(unit: Unit, ports: PipelinePorts): Promise<boolean> {
  const { declared: before, packageDir } = unit;
  if (before?.kind !== 'known' || packageDir === undefined) return false;
  const now = await ports.declared(packageDir);
  return now?.kind !== 'known' || now.stamp !== before.stamp || now.by !== before.by;
}

/** `cargo check` of a program writes an empty rmeta; nothing else is ever empty. */
function isWronglyEmpty(role: OutputRole, stat: string, unit: Unit): boolean {
  const checks = role === 'rmeta' && unit.plan.emit.link === undefined;
  return stat.split(':')[2] === '0' && !checks;
}

function readOnce(path: string | undefined, { disk }: PipelinePorts): string | undefined {
  if (path === undefined) return undefined;
  const text = disk.read(path)?.toString('utf8');
  disk.remove(path);
  return text;
}

/** `split-debuginfo=unpacked` leaves one object per codegen unit beside the output. */
function dwoFiles(
  unit: Unit,
  { disk }: PipelinePorts,
): { role: `dwo:${string}`; path: string; executable: false }[] {
  if (unit.plan.splitDebuginfo !== 'unpacked') return [];
  const stem = `${unit.plan.crateName}${unit.plan.extraFilename}`;
  return (disk.list(unit.plan.outDir) ?? [])
    .filter((name) => name.startsWith(`${stem}.`) && name.endsWith('.dwo'))
    .map((name) => ({
      role: `dwo:${basename(name).slice(stem.length)}` as const,
      path: join(unit.plan.outDir, name),
      executable: false,
    }));
}
