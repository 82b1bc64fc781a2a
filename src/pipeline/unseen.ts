import type { Digest } from '../base/digest.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/** Texts that may hold what matters to a key: Rust, and what Rust includes into itself. */
export async function textsOf(sources: readonly string[], disk: DiskPort): Promise<string[]> {
  const texts: string[] = [];
  for (const path of sources) {
    const matters = path.endsWith('.rs') || (await mentionsAny(path, ['env!', ...ASSEMBLER], disk));
    if (matters) texts.push(disk.read(path)?.toString('utf8') ?? '');
  }
  return texts;
}

/** What has the assembler read a file, as it stands in compiled metadata. */
const ASSEMBLER = ['.incbin', '.include "'];

/**
 * Files that the compiler may have read and that neither dep-info nor the linker lists: those that
 * sources or a dependency's macros hand to the assembler, and crates that are found by search.
 *
 * @returns why the compile's inputs are not known, or undefined when they are
 */
export async function readUnseen(
  unit: Unit,
  texts: readonly string[],
  disk: DiskPort,
): Promise<string | undefined> {
  if (texts.some((text) => text.includes('.incbin') || /\.include\s*\\?"/.test(text))) {
    return 'assembler reads a file';
  }
  for (const path of dependencies(unit)) {
    const digest = unit.closure.records.get(path)?.digest ?? undefined;
    if (await mentionsAny(path, ASSEMBLER, disk, digest)) return 'assembler may read a file';
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
    if (digest !== undefined) await mentionsAny(path, ASSEMBLER, disk, digest);
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

async function mentionsAny(
  path: string,
  words: readonly string[],
  disk: DiskPort,
  digest?: Digest,
): Promise<boolean> {
  for (const word of words) if (await disk.mentions(path, word, digest)) return true;
  return false;
}
