import { absolute } from '../base/paths.js';
import { readsByAssembler } from '../keying/assembly.js';
import { argsNameCargoLint, namesCargoLint } from '../keying/cargoLints.js';
import { isLogging } from '../keying/unitKey.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/** Texts that may hold what matters to a key: Rust, and what Rust includes into itself. */
export async function textsOf(sources: readonly string[], disk: DiskPort): Promise<string[]> {
  const texts: string[] = [];
  for (const path of sources) {
    const matters =
      path.endsWith('.rs') ||
      (await mentionsAny(path, ['env!', VERBATIM], disk)) ||
      (await disk.mayAssemble(path));
    if (matters) texts.push(disk.read(path)?.toString('utf8') ?? '');
  }
  return texts;
}

/** How `#[link]` says that a library's name is its file's. */
const VERBATIM = '+verbatim';

/** Whether a library may be linked under any file name: the sources say so, or a dependency's macros. */
export async function mayLinkVerbatim(
  unit: Unit,
  texts: readonly string[],
  disk: DiskPort,
): Promise<boolean> {
  if (texts.some((text) => text.includes(VERBATIM))) return true;
  for (const path of dependencies(unit)) {
    const digest = unit.closure.records.get(path)?.digest ?? undefined;
    if (await disk.mentions(path, VERBATIM, digest)) return true;
  }
  return false;
}

/**
 * Files that the compiler may have read and that neither dep-info nor the linker lists: those that
 * sources or a dependency's macros hand to the assembler, crates that are found by search, and what
 * clippy asks cargo for. A compiler that logs says more each time, or writes it somewhere.
 *
 * @returns why the compile's inputs are not known, or undefined when they are
 */
export async function readUnseen(
  unit: Unit,
  texts: readonly string[],
  disk: DiskPort,
): Promise<string | undefined> {
  if ([...unit.env.keys()].some(isLogging)) return 'compiler log';
  const clippys = readByClippy(unit, texts, disk);
  if (clippys !== undefined) return clippys;
  if (texts.some(readsByAssembler)) return 'assembler reads a file';
  for (const path of dependencies(unit)) {
    const digest = unit.closure.records.get(path)?.digest ?? undefined;
    if (await disk.mayAssemble(path, digest)) return 'assembler may read a file';
  }
  return isSearched(unit, texts, disk) ? 'crate found by search' : undefined;
}

/**
 * Asks ahead what will be asked of dependencies once the compiler has ended, when somebody may
 * wait for the answer, or take the files away.
 */
export async function foresee(unit: Unit, disk: DiskPort): Promise<void> {
  for (const path of dependencies(unit)) {
    const digest = unit.closure.records.get(path)?.digest ?? undefined;
    if (digest !== undefined) await disk.mayAssemble(path, digest);
  }
}

/** Each dependency once: an rlib has nothing that its rmeta has not. */
export function dependencies({ closure }: Unit): string[] {
  return [...closure.records]
    .filter(([path, { role }]) => role !== 'rlib' || !closure.records.has(siblingRmeta(path)))
    .map(([path]) => path);
}

function siblingRmeta(path: string): string {
  return path.replace(/\.rlib$/, '.rmeta');
}

/** `--extern name` or `extern crate name;` without a path: rustc looks below `-L`. */
function isSearched(unit: Unit, texts: readonly string[], disk: DiskPort): boolean {
  const { externs, searchDirs } = unit.plan;
  const dirs = searchDirs.filter(({ kind }) => kind === 'crate' || kind === 'all');
  if (dirs.length === 0) return false;
  const wanted = new Set(externs.filter(({ path }) => path === undefined).map(({ name }) => name));
  for (const text of texts) {
    for (const [, name] of text.matchAll(/\bextern\s+crate\s+(?:r#)?(\w+)/g)) wanted.add(name!);
  }
  for (const { name, path } of externs) if (path !== undefined) wanted.delete(name);
  return dirs.some((dir) =>
    (disk.list(dir.path) ?? []).some((file) =>
      [...wanted].some((name) => file.startsWith(`lib${name}`) && CRATE.test(file)),
    ),
  );
}

const CRATE = /\.(rlib|rmeta|so|dylib)$/;

/** What clippy reads that is in no key: what cargo knows of the package, or another sysroot. */
function readByClippy(
  { plan, env, cwd, toolchain }: Unit,
  texts: readonly string[],
  disk: DiskPort,
): string | undefined {
  if (plan.clippy === undefined) return undefined;
  const sysroot = env.get('SYSROOT');
  if (sysroot !== undefined) {
    const isOwn = disk.realpath(absolute(cwd, sysroot)) === disk.realpath(toolchain.sysroot);
    if (!isOwn) return 'clippy looks at another toolchain';
  }
  // Levels of lints about a package stand at the top of the crate, which may have any file name.
  const top = disk.read(absolute(cwd, plan.source))?.toString('utf8') ?? '';
  const named =
    plan.arguments.some(({ words }) => words.some(namesCargoLint)) ||
    argsNameCargoLint(env.get('CLIPPY_ARGS') ?? '') ||
    [top, ...texts].some(namesCargoLint);
  return named ? 'clippy asks cargo about the package' : undefined;
}

async function mentionsAny(
  path: string,
  words: readonly string[],
  disk: DiskPort,
): Promise<boolean> {
  for (const word of words) if (await disk.mentions(path, word)) return true;
  return false;
}
