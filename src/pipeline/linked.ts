import { basename, dirname } from 'node:path';
import { absolute } from '../base/paths.js';
import { isArchive, isThinArchive, memberNames } from '../keying/archive.js';
import { parseLinkInputs } from '../keying/linkInputs.js';
import { type Artifacts, masksOf } from './artifacts.js';
import { namedWords } from './named.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';
import { mayLinkVerbatim } from './unseen.js';

/**
 * Static libraries that a crate bundles by attribute: `#[link(name = "z", kind = "static")]`, which
 * a macro of another crate may have written. The rlib shows it: some member is none of rustc's.
 * With `+verbatim` in reach a library's file may have any name: then its content tells.
 */
export async function bundledLibraries(
  unit: Unit,
  texts: readonly string[],
  disk: DiskPort,
): Promise<string[] | string> {
  if (unit.plan.links) return [];
  const files = unit.plan.searchDirs
    .filter((dir) => dir.kind === 'native' || dir.kind === 'all')
    .flatMap(({ path }) => (disk.list(path) ?? []).map((name) => `${path}/${name}`));
  if (files.length === 0) return [];
  const rlib = unit.outputs.find(({ role }) => role === 'rlib');
  if (rlib === undefined) {
    // Everything from everywhere is a member of a static library.
    if (!texts.some((t) => /link\s*\(/.test(t) && t.includes('static'))) return [];
    if (!(await mayLinkVerbatim(unit, texts, disk))) return files.filter(isNamedLibrary);
    return files.filter((path) => isNamedLibrary(path) || isLibrary(disk.read(path)));
  }
  const made = disk.read(rlib.path);
  const members = made === undefined ? [] : memberNames(made);
  const foreign = new Set(members.filter((name) => !OWN_MEMBER.test(name)));
  if (foreign.size === 0) return [];
  const isVerbatim = await mayLinkVerbatim(unit, texts, disk);
  const libraries = isVerbatim ? files : files.filter(isNamedLibrary);
  const bundled: string[] = [];
  for (const path of libraries) {
    const bytes = disk.read(path);
    if (bytes === undefined) continue;
    const whole = foreign.has(basename(path));
    if (whole || memberNames(bytes).some((name) => foreign.has(name))) bundled.push(path);
    // What it stands for lies in other files.
    else if (isThinArchive(bytes)) return `thin archive: ${path}`;
  }
  return bundled;
}

/** `.lib` where a target's libraries are called so. */
const isNamedLibrary = (path: string) => /\.(a|lib)$/.test(path);

const isLibrary = (bytes: Buffer | undefined) =>
  bytes !== undefined && (isArchive(bytes) || isThinArchive(bytes));

const OWN_MEMBER = /^lib\.rmeta$|\.rcgu\.(o|bc)$/;

/** What the linker opened, by its own list; undefined when it left none. */
export function openedByLinker(unit: Unit, text: string | undefined): string[] | undefined {
  return text === undefined
    ? undefined
    : parseLinkInputs(text).map((written) => absolute(unit.cwd, written));
}

/** Whether that is the compiler's own, made for this very link. */
function isOwnObject(path: string, unit: Unit): boolean {
  if (/\.(rcgu\.o|rmeta)$/.test(path) || basename(path) === 'symbols.o') return true;
  const own = unit.outputs.some((output) => output.path === path);
  return own || path.startsWith(`${unit.plan.outDir}/rustc`);
}

/** Whether some of it stands in the target directory and in no key. */
export function linksFromTarget(unit: Unit, opened: readonly string[] | undefined): boolean {
  if (opened === undefined) return false;
  const isKnown = (path: string) => unit.closure.records.has(path) || isOwnObject(path, unit);
  const paths = [...opened, ...namedWords(unit)];
  return paths.some((path) => unit.roots.map(path).startsWith('/vr/target/') && !isKnown(path));
}

/** Files that the linker read and nothing else in the key covers. */
export function linkedFiles(
  unit: Unit,
  opened: readonly string[] | undefined,
  artifacts: Artifacts,
  disk: DiskPort,
): string[] | string {
  if (unit.linkInputs === undefined) return [];
  if (opened === undefined) return 'linker named no inputs';
  const files: string[] = [];
  const masks = masksOf(unit.closure.records.values(), unit.plan.extraFilename);
  const records = [...unit.closure.records.keys()];
  const names = new Set(records.map((path) => basename(path)));
  // rustc names rlibs without symlinks, however the call spelt them.
  const isRecord = (path: string) =>
    unit.closure.records.has(path) ||
    (names.has(basename(path)) &&
      records.some((record) => disk.realpath(record) === disk.realpath(path)));
  for (const path of opened) {
    if (path.startsWith(`${unit.toolchain.sysroot}/`) || isOwnObject(path, unit)) continue;
    if (isRecord(path)) continue;
    if (path.endsWith('.rlib')) {
      // A restored dependency may name its own dependencies as another build here names them.
      const same = artifacts.describe(path, masks);
      if (same !== undefined && unit.linkable.includes(same)) continue;
    }
    if (!disk.exists(path)) {
      if (/\/rustc[A-Za-z0-9]+\//.test(path)) continue;
      return `linker input gone: ${path}`;
    }
    files.push(path);
  }
  return files;
}

/** What would have been read instead, had it been there. */
export interface Absences {
  /** As the manifest names them, sorted. */
  absent: string[];
  /** One that came while the compiler ran: nobody can tell whether it was seen. */
  appeared: string | undefined;
}

/**
 * The other file of a `mod a;`, and what the linker would have found earlier on its search path: a
 * library of the same name, or a file of the very name (`-l:x`, `-T x`, `INPUT(x)` of a script, the
 * latter two also where the linker runs). What was there all along was nothing that would have been
 * taken.
 *
 * @param sinceNs when the compiler began, with the file system's grain taken off
 */
export function absences(
  unit: Unit,
  { sources, linked, sinceNs }: Looked,
  disk: DiskPort,
): Absences {
  const absent = new Set<string>();
  let appeared: string | undefined;
  const add = (path: string) => {
    const changed = disk.changedNs(path);
    if (changed !== undefined && changed > sinceNs) appeared ??= path;
    else if (changed === undefined && !disk.exists(path)) absent.add(unit.roots.map(path));
  };
  const root = absolute(unit.cwd, unit.plan.source);
  const read = new Set(sources);
  for (const path of sources) {
    if (!path.endsWith('.rs') || path === root) continue;
    const isInside = basename(path) === 'mod.rs';
    const other = isInside ? `${dirname(path)}.rs` : `${path.slice(0, -'.rs'.length)}/mod.rs`;
    if (!read.has(other)) add(other);
  }
  const dirs = [
    ...unit.plan.searchDirs
      .filter((dir) => dir.kind === 'native' || dir.kind === 'all')
      .map((dir) => dir.path),
    ...searchedByArguments(unit),
    ...(unit.linker?.searchDirs ?? []),
  ].map((dir) => disk.realpath(dir));
  for (const path of linked) {
    const name = basename(path);
    if (DRIVERS_OWN.test(name)) continue;
    const library = /^lib(.+?)\.(so|a)$/.exec(name);
    const names = library === null ? [name] : [`lib${library[1]}.so`, `lib${library[1]}.a`];
    const at = dirs.indexOf(disk.realpath(dirname(path)));
    for (const dir of new Set(at < 0 ? dirs : dirs.slice(0, at))) {
      for (const other of names) add(`${dir}/${other}`);
    }
    if (at >= 0 && library === null) add(`${unit.cwd}/${name}`);
    if (library?.[2] === 'a') add(`${dirname(path)}/lib${library[1]}.so`);
  }
  return { absent: [...absent].sort(), appeared };
}

/** What the driver names by its full path. */
const DRIVERS_OWN = /^(\w?crt\w*\.o|ld-linux.*)$/;

/** `-Lx`, `-L x`, `-Wl,-L,x`, `-Xlinker -Lx`, `--library-path=x` among the link arguments. */
function searchedByArguments({ plan, cwd }: Unit): string[] {
  const words = plan.linkArgs
    .flatMap((argument) => argument.split(','))
    .filter((word) => word !== '-Wl' && word !== '-Xlinker');
  return words.flatMap((word, at) => {
    const dir = /^(?:-L|--?library-path(?:=|$))(.*)$/.exec(word)?.[1];
    const path = dir === '' ? words[at + 1] : dir;
    return path === undefined || path === '' ? [] : [absolute(cwd, path)];
  });
}

interface Looked {
  sources: readonly string[];
  linked: readonly string[];
  sinceNs: bigint;
}
