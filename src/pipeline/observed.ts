import { dirname } from 'node:path';
import { absolute } from '../base/paths.js';
import { withoutSlash } from '../keying/roots.js';
import type { Sighting } from '../wire/observed.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/** What a compile looked at that neither dep-info nor the linker's own list mentions. */
export interface Observed {
  /** Files that were opened or asked about. */
  files: Set<string>;
  /** Paths that were looked for and not found. */
  absent: Set<string>;
  /** Directories whose names were read. */
  listed: Set<string>;
  /** Directories that were asked about and are there. */
  there: Set<string>;
  env: Set<string>;
  /** Programs that were started and could not be observed. */
  blind: Set<string>;
  /** Whether anybody asked what machine this is: its processor, its name. */
  asksMachine: boolean;
}

/**
 * Takes what the compiler does for itself out of what was seen: its own libraries, the
 * dependencies on its command line, its outputs and temporary files, its linker. What is left was
 * read by a procedural macro, or by a program that one started.
 *
 * @param declared absolute paths that are inputs anyway
 */
export function observedBeyond(
  unit: Unit,
  sightings: readonly Sighting[],
  declared: ReadonlySet<string>,
  disk: DiskPort,
): Observed {
  const observed: Observed = {
    files: new Set(),
    absent: new Set(),
    listed: new Set(),
    there: new Set(),
    env: new Set(),
    blind: new Set(),
    asksMachine: false,
  };
  const ours = compilersOwn(unit, disk);
  const macrosOwn = outsideOf(unit, disk);
  const written = new Set<string>();
  const { main, begins, loads, linkers, cargos } = processesOf(unit, sightings);
  const shared = sharedPlaces(unit);
  for (const [index, { kind, pid, text }] of sightings.entries()) {
    if (linkers.has(pid) || (pid === main && index < begins)) continue;
    if (kind === 'e') {
      const own = index < loads ? RUSTC_ASKS : RUSTC_ASKS_LATE;
      const asked = pid === main ? !own.test(text) : !cargos.has(pid);
      if (asked) observed.env.add(text);
      continue;
    }
    const isMachine = kind === 'm' || (kind === 'r' && MACHINE.test(text));
    if (isMachine && !(pid === main && index < loads) && !cargos.has(pid)) {
      // Shells ask for the host's name as well; what code for this processor is made for is in the key.
      const counts = text.includes('host') ? pid === main : !unit.plan.targetCpuNative;
      observed.asksMachine ||= counts;
    }
    if (!text.startsWith('/')) continue;
    const path = tidy(text);
    if (kind === 'w') written.add(path);
    if (declared.has(path) || isWithin(path, written)) continue;
    if (ours(path) && !(index > loads && macrosOwn(path, kind))) continue;
    if (cargos.has(pid) && !shared(path)) continue;
    if (kind === 'b') observed.blind.add(path);
    const began = kind === 'l' && pid === main;
    if (LOOKED.includes(kind) && !began) sort(path, observed, disk);
    else if (kind === 'd') observed.listed.add(path);
    else if (kind === 'n' && !disk.exists(path)) observed.absent.add(path);
    else if (kind === 'n') sort(path, observed, disk);
  }
  for (const path of observed.listed) observed.there.delete(path);
  return observed;
}

/** Programs, files, libraries: what was there to be looked at. */
const LOOKED = 'pbrslo';

/** Without what says nothing; `..` stays, as the system follows the links before it. */
const tidy = (path: string) => path.replace(/\/(?:\.?\/)+/g, '/').replace(/(?<=.)\/\.?$/, '');

function sort(path: string, observed: Observed, disk: DiskPort): void {
  if (disk.changedNs(path) !== undefined) observed.files.add(path);
  else if (disk.exists(path)) observed.there.add(path);
  else observed.absent.add(path);
}

function isWithin(path: string, tops: ReadonlySet<string>): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at)) if (tops.has(at)) return true;
  return false;
}

interface Processes {
  main: number | undefined;
  /** The compiler proper begins here; before it, the same process was rustup's proxy. */
  begins: number;
  /** Here it has a first macro's library before it; until then it runs nobody else's code. */
  loads: number;
  /** The linker and all that it starts: what they read is the linker's own list's to say. */
  linkers: Set<number>;
  /**
   * Cargo, where a macro asks it for the workspace (proc-macro-crate does): it also looks for
   * settings up to the file system's top, and in the environment, that differ in every home and
   * say nothing of the packages.
   */
  cargos: Set<number>;
}

function processesOf(unit: Unit, sightings: readonly Sighting[]): Processes {
  const main = sightings[0]?.pid;
  const begins = sightings.findLastIndex(({ kind, pid }) => kind === 'X' && pid === main);
  const loads = sightings.findIndex(
    ({ kind, pid, text }) => kind === 'r' && pid === main && text.endsWith('.so'),
  );
  const parents = new Map<number, number>();
  const linkers = new Set<number>();
  const cargos = new Set<number>();
  let linker: number | undefined;
  for (const { kind, pid, text } of sightings) {
    if (pid === main) continue;
    if (kind === 'X' && /\/(cargo|rustup|rustc)$/.test(text)) cargos.add(pid);
    if (kind !== 'P' || parents.has(pid)) continue;
    parents.set(pid, Number(text));
    if (Number(text) === main) linker = pid;
  }
  if (unit.plan.links && linker !== undefined) linkers.add(linker);
  // A child's record comes after its parent's, so one pass reaches all descendants.
  for (const [pid, parent] of parents) {
    if (linkers.has(parent)) linkers.add(pid);
    if (cargos.has(parent)) cargos.add(pid);
  }
  return { main, begins, loads, linkers, cargos };
}

/** Whether a path lies in a place that every developer has: workspace, packages, outputs. */
function sharedPlaces({ roots }: Unit): (path: string) => boolean {
  return (path) => {
    const name = roots.map(path);
    return name.startsWith('/vr/') && !/^\/vr\/(home|sysroot|rust-src)(\/|$)/.test(name);
  };
}

/** Whether a path is the compiler's own business: in its key already, or made by it. */
function compilersOwn(unit: Unit, disk: DiskPort): (path: string) => boolean {
  const { plan, toolchain, closure } = unit;
  const tops = [
    toolchain.sysroot,
    plan.outDir,
    ...(plan.incremental === undefined ? [] : [plan.incremental]),
    ...plan.searchDirs.filter((dir) => dir.kind === 'dependency').map((dir) => dir.path),
  ];
  const searched = plan.searchDirs.map((dir) => dir.path);
  const below = new Set(tops.flatMap((top) => [top, disk.realpath(top)]));
  const single = new Set([...searched, ...searched.map((dir) => disk.realpath(dir))]);
  for (const path of closure.records.keys()) single.add(path).add(disk.realpath(path));
  for (const { path } of plan.externs) if (path !== undefined) single.add(path);
  for (const output of unit.outputs) single.add(output.path);
  // Clippy looks for its settings up to the top; those that it uses are in the key.
  const clippy = plan.clippy === undefined ? undefined : /\/\.?clippy\.toml$/;
  if (plan.clippy !== undefined) single.add(plan.clippy);
  const scratch = scratchOf(unit, disk);
  return (path) =>
    clippy?.test(path) ||
    KERNEL.test(path) ||
    single.has(path) ||
    isWithin(path, below) ||
    scratch(path);
}

/**
 * What lies in a directory that rustc made for a moment, beside an output or among the temporary
 * files. Such a name alone says nothing, as `mktemp` and test harnesses give it to whole projects:
 * a directory that is still there, that holds a place of this unit, or that lies in one of
 * everybody's places is somebody's own.
 */
function scratchOf(unit: Unit, disk: DiskPort): (path: string) => boolean {
  const { plan, roots, cwd, env } = unit;
  const spelt = (dirs: readonly string[]) => [
    ...new Set(dirs.flatMap((dir) => [dir, disk.realpath(dir)])),
  ];
  const beside = spelt([plan.outDir, ...unit.outputs.map(({ path }) => dirname(path))]);
  const temporary = spelt([absolute(cwd, withoutSlash(env.get('TMPDIR') ?? '') || '/tmp')]);
  const own = [cwd, unit.packageDir ?? cwd, dirname(absolute(cwd, plan.source))];
  const places = [...spelt(own), ...roots.spellings().map(({ real }) => real)];
  const shared = sharedPlaces(unit);
  return (path) => {
    if (!SCRATCH.test(path)) return false;
    const isShared = shared(path);
    if (isShared && !isOutput(path, unit)) return false;
    const top = topIn(isShared ? beside : [...beside, ...temporary], path);
    if (top === undefined || disk.exists(top)) return false;
    return !places.some((place) => `${place}/`.startsWith(`${top}/`));
  };
}

const isOutput = (path: string, { roots }: Unit) => roots.map(path).startsWith('/vr/target/');

/** The directory of such a name, right below one of the parents, that holds the path or is it. */
function topIn(parents: readonly string[], path: string): string | undefined {
  for (const parent of parents) {
    if (!path.startsWith(`${parent}/`)) continue;
    const [name = ''] = path.slice(parent.length + 1).split('/', 1);
    if (SCRATCH.test(`/${name}`)) return `${parent}/${name}`;
  }
  return undefined;
}

/**
 * In the directories that rustc writes to and searches for libraries: whether a path, seen while
 * macros run, is nothing that rustc would look at there.
 */
function outsideOf(unit: Unit, disk: DiskPort): (path: string, kind: string) => boolean {
  const { plan } = unit;
  const dirs = [plan.outDir, ...plan.searchDirs.map(({ path }) => path)];
  const searched = new Set(dirs.flatMap((dir) => [dir, disk.realpath(dir)]));
  const stem = `${plan.crateName}${plan.extraFilename}`;
  return (path, kind) => {
    if (searched.has(path)) return false;
    // What is gone again was rustc's, under whatever name.
    if (kind === 'n' || !disk.exists(path)) return false;
    const top = [...searched].find((dir) => path.startsWith(`${dir}/`));
    if (top === undefined) return false;
    const name = path.slice(top.length + 1);
    return !LIBRARY.test(name) && !name.startsWith(stem) && !name.startsWith(`lib${stem}`);
  };
}

const LIBRARY = /^lib[^/]*\.(rlib|rmeta|so|a)$/;

/** How rustc names directories of its own: `rustc…` of a link, `rmeta…`, `.tmp….temp-archive`. */
const SCRATCH = /\/(rmeta|rustc|\.tmp)[A-Za-z0-9]{6}(\.[a-z-]+)?(\/|$)/;

/** Files of the kernel's that differ from machine to machine. */
const MACHINE = /^\/proc\/(cpuinfo|sys\/kernel\/hostname)$/;

/** The kernel's own files, and what the C library and the allocator look at. */
const KERNEL =
  /^\/(proc|sys|dev)(\/(?!shm\/)|$)|^\/etc\/(malloc\.conf|ld\.so\.[a-z.]+|locale\.alias)$|^\/(usr\/)?lib\/locale(\/|$)/;

/** What rustc, its LLVM and its standard library ask for themselves before any macro runs. */
const RUSTC_ASKS =
  /^(RUST_(BACKTRACE|LIB_BACKTRACE|MIN_STACK|RECURSION_COUNT|TARGET_PATH)|RUSTC_(LOG.*|BOOTSTRAP|CTFE_BACKTRACE|FORCE_RUSTC_VERSION|GRAPHVIZ_FONT|ICE|COLOR)|LLVM_(OVERRIDE_PRODUCER|IGNORED_ENV_VAR)|TERM|NO_COLOR|COLORTERM|CLICOLOR(_FORCE)?|TMPDIR|TMP|TEMP|PATH|LD_LIBRARY_PATH|MALLOC_CONF|CARGO_MAKEFLAGS|MAKEFLAGS|MFLAGS|VCINSTALLDIR|SOURCE_DATE_EPOCH|COLUMNS|LANG|LC_[A-Z]+|LANGUAGE|LOCPATH|TZ|CI|SDKROOT|DEVELOPER_DIR|[A-Z]+_DEPLOYMENT_TARGET|ZERO_AR_DATE)$/;

/** The same while macros run, or after: looking for the linker, starting threads, panicking. */
const RUSTC_ASKS_LATE =
  /^(PATH|VCINSTALLDIR|TMPDIR|TMP|TEMP|RUST_(BACKTRACE|LIB_BACKTRACE|MIN_STACK)|MALLOC_CONF)$/;
