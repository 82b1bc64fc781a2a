import { basename, dirname } from 'node:path';
import { hasRawBytes } from '../../wire/bytes.js';
import type { Sighting } from '../../wire/observed.js';
import type { DiskPort } from '../ports.js';
import { ALL, HOST, isGiven, PROCESSOR, WHICH } from './environment.js';
import type { ScriptUnit } from './prepare.js';

/** What a build script and the programs that it started looked at. Real paths. */
export interface ScriptReads {
  files: Set<string>;
  absent: Set<string>;
  listed: Set<string>;
  there: Set<string>;
  env: Set<string>;
}

/** @returns a text: why the run cannot be recorded */
export function readsOf(
  unit: ScriptUnit,
  sightings: readonly Sighting[],
  disk: DiskPort,
): ScriptReads | string {
  const reads: ScriptReads = {
    files: new Set(),
    absent: new Set(),
    listed: new Set(),
    there: new Set(),
    env: new Set(),
  };
  const ours = ownPlaces(unit, disk);
  const temporary = temporaryPlaces(unit);
  const written = new Set<string>();
  const main = sightings[0]?.pid;
  /** The script, and what it starts to be told which machine this is. */
  const asking = new Set([main]);
  const started = new Set<number>();
  for (const { kind, pid, text } of sightings) {
    if (kind === 'c') return 'network';
    // Compilers and make do so for themselves, and write none of it down.
    if (kind === 't' && pid === main) return 'reads the clock';
    if (kind === 'e') {
      const asked = pid === main ? ASKED_BY_RUST : ASKED_BY_PROGRAMS;
      if (!isGiven(text) && !asked.test(text)) reads.env.add(text);
      continue;
    }
    if (kind === 'P' && Number(text) === main) started.add(pid);
    if (kind === 'X' && started.has(pid) && TELLS_HOST.test(basename(text))) asking.add(pid);
    if (kind === 'p' && pid === main && TELLS_HOST.test(basename(text))) reads.env.add(HOST);
    if (kind === 'm' && text === 'processor') reads.env.add(PROCESSOR);
    // Shells ask as well, and `configure` does to put it into its log.
    if (kind === 'm' && text === 'host' && asking.has(pid)) reads.env.add(HOST);
    if (kind === 'P' || kind === '?' || !text.startsWith('/')) continue;
    // The script itself begins with no more than the C library.
    if (kind === 'l' && pid === main) continue;
    const path = tidy(text);
    if (kind === 'r' && PROCESSOR_FILES.test(path)) reads.env.add(PROCESSOR);
    if (kind === 'r' && HOST_FILE.test(path) && asking.has(pid)) reads.env.add(HOST);
    const isUsers = pid === main && kind === 'r' && USERS.test(path);
    if (ours(path) || (KERNEL.test(path) && !isUsers)) continue;
    if (kind === 'w') {
      if (!temporary(path)) return `writes outside OUT_DIR: ${unit.roots.map(path)}`;
      written.add(path);
      continue;
    }
    if (hasRawBytes(path)) return 'a name that is no text';
    if (isWithin(path, written) || (temporary(path) && !disk.exists(path))) continue;
    // What is not there was not started.
    if (kind === 'b' && !disk.exists(path)) continue;
    if (kind === 'b' && basename(path) !== LAUNCHER) return `not observed: ${basename(path)}`;
    if (kind === 'X' && TAKES_ALL.test(basename(path))) reads.env.add(ALL);
    if ((kind === 'p' || kind === 'n' || kind === 's') && unit.env.isSearched(path)) {
      reads.env.add(`${WHICH}${basename(path)}`);
      if (kind === 'n') continue;
    }
    if (kind === 'd') reads.listed.add(path);
    else if (kind !== 'b') sort(path, reads, disk);
  }
  for (const path of reads.listed) reads.there.delete(path);
  for (const path of aboveRoots(unit)) reads.there.delete(path);
  return reads;
}

function sort(path: string, reads: ScriptReads, disk: DiskPort): void {
  if (disk.changedNs(path) !== undefined) reads.files.add(path);
  else if (disk.exists(path)) reads.there.add(path);
  else reads.absent.add(path);
}

/** Directories that every home has in some place: who resolves a path asks for each of them. */
function aboveRoots({ roots, env }: ScriptUnit): Set<string> {
  const above = new Set<string>();
  for (const place of [...roots.spellings().map(({ real }) => real), env.wrapper ?? '/']) {
    for (let at = place; !above.has(at) && at !== dirname(at); at = dirname(at)) above.add(at);
  }
  return above;
}

/** What is in the key already, what cargo keeps beside OUT_DIR, and what the run makes. */
function ownPlaces(unit: ScriptUnit, disk: DiskPort): (path: string) => boolean {
  const tops = [unit.toolchain.sysroot, unit.outDir];
  const below = new Set(tops.flatMap((top) => [top, disk.realpath(top)]));
  const beside = dirname(unit.outDir);
  const single = new Set([
    unit.env.wrapper ?? '',
    disk.realpath(unit.env.wrapper ?? ''),
    unit.program,
    unit.program.replace(/\.vrift$/, ''),
  ]);
  for (const top of TEMPORARY) single.add(top);
  for (const name of ['output', 'root-output', 'stderr', 'invoked.timestamp', '']) {
    single.add(name === '' ? beside : `${beside}/${name}`);
  }
  return (path) => single.has(path) || isWithin(path, below);
}

/** Where anything may be written, and what is gone afterwards says nothing. */
function temporaryPlaces({ env, roots }: ScriptUnit): (path: string) => boolean {
  const tops = new Set(
    [env.get('TMPDIR'), ...TEMPORARY]
      .filter((top) => top !== undefined)
      .map((top) => top.replace(/\/+$/, '')),
  );
  const isShared = (path: string) => /^\/vr\/(?!home(\/|$))/.test(roots.map(path));
  return (path) => isWithin(path, tops) && !isShared(path);
}

/** Without what says nothing; `..` stays, as the system follows the links before it. */
const tidy = (path: string) => path.replace(/\/(?:\.?\/)+/g, '/').replace(/(?<=.)\/\.?$/, '');

function isWithin(path: string, tops: ReadonlySet<string>): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at)) if (tops.has(at)) return true;
  return false;
}

/** It cannot be observed, but the compiler that it starts can. */
const LAUNCHER = 'vrift-rustc';

const TEMPORARY = ['/tmp', '/var/tmp', '/usr/tmp', '/dev/shm'];

const KERNEL =
  /^\/(proc|sys|dev)(\/(?!shm\/)|$)|^\/etc\/(malloc\.conf|ld\.so\.[a-z.]+|locale\.alias|nsswitch\.conf|passwd|group)$|^\/(usr\/)?lib\/locale(\/|$)|^\/$/;

/** Where programs ask which processor this is, and not how many there are. */
const PROCESSOR_FILES =
  /^\/proc\/(cpuinfo|self\/auxv)$|^\/sys\/devices\/system\/cpu\/cpu\d+\/regs\//;

const HOST_FILE = /^\/proc\/sys\/kernel\/hostname$/;
const TELLS_HOST = /^(hostname|hostnamectl|uname|uuname|nodename)$/;

/** Who somebody is; each program asks for it, a script for something that it writes down. */
const USERS = /^\/etc\/(passwd|group)$/;

/** Interpreters that take their environment as a list, so that nobody sees what they look for. */
const TAKES_ALL =
  /^(.*sh|g?make|ninja|perl[\d.]*|python[\d.]*|ruby[\d.]*|node|deno|bun|java|php[\d.]*|tclsh[\d.]*|awk|gawk|env)$/;

/**
 * What Rust's standard library asks for itself, and what holds a jobserver's descriptors. `PATH` says
 * where programs are, and those are looked at one by one.
 */
const ASKED_BY_RUST =
  /^(PATH|TMPDIR|TMP|TEMP|RUST_(BACKTRACE|LIB_BACKTRACE|MIN_STACK)|MALLOC_CONF|MAKEFLAGS|MFLAGS|CARGO_MAKEFLAGS)$/;

/** What programs ask for to find their way and to speak to somebody. */
const ASKED_BY_PROGRAMS =
  /^(PATH|HOME|TMPDIR|TMP|TEMP|RUST_(BACKTRACE|LIB_BACKTRACE|MIN_STACK)|MALLOC_CONF|LD_LIBRARY_PATH|TERM|COLUMNS|NO_COLOR|MAKEFLAGS|MFLAGS|CARGO_MAKEFLAGS|COLLECT_.*|GCC_COLORS|PWD)$/;
