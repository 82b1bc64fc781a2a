import { basename, dirname, join, resolve } from 'node:path';
import { parseLinkInputs } from '../keying/linkInputs.js';
import { type Artifacts, masksOf } from './artifacts.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/** A crate may bundle a library by attribute alone: `#[link(name = "z", kind = "static")]`. */
export function bundledLibraries(unit: Unit, texts: readonly string[], disk: DiskPort): string[] {
  const dirs = unit.plan.searchDirs.filter((dir) => dir.kind === 'native' || dir.kind === 'all');
  if (dirs.length === 0 || unit.plan.links) return [];
  const bundles = texts.some((t) => /link\s*\(/.test(t) && t.includes('static'));
  if (!bundles) return [];
  return dirs.flatMap((dir) =>
    (disk.list(dir.path) ?? [])
      .filter((name) => name.endsWith('.a'))
      .map((name) => join(dir.path, name)),
  );
}

/** Files that the linker read and nothing else in the key covers. */
export function linkedFiles(
  unit: Unit,
  text: string | undefined,
  artifacts: Artifacts,
  disk: DiskPort,
): string[] | string {
  if (unit.linkInputs === undefined) return [];
  if (text === undefined) return 'linker named no inputs';
  const files: string[] = [];
  const masks = masksOf(unit.closure.records.values(), unit.plan.extraFilename);
  // rustc names rlibs without symlinks, however the call spelt them.
  const known = new Set([...unit.closure.records.keys()].map((path) => disk.realpath(path)));
  for (const written of parseLinkInputs(text)) {
    const path = resolve(unit.cwd, written);
    if (path.startsWith(`${unit.toolchain.sysroot}/`) || known.has(disk.realpath(path))) continue;
    if (/\.(rcgu\.o|rmeta)$/.test(path) || basename(path) === 'symbols.o') continue;
    const own = unit.outputs.some((output) => output.path === path);
    if (own || path.startsWith(`${join(unit.plan.outDir, 'rustc')}`)) continue;
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

/**
 * What would have been read instead, had it been there: the other file of a `mod a;`, and
 * libraries earlier on the linker's search path.
 */
export function absences(
  unit: Unit,
  sources: readonly string[],
  linked: readonly string[],
  disk: DiskPort,
): string[] {
  const absent = new Set<string>();
  const add = (path: string) => {
    if (!disk.exists(path)) absent.add(unit.roots.map(path));
  };
  const root = resolve(unit.cwd, unit.plan.source);
  for (const path of sources) {
    if (!path.endsWith('.rs') || path === root) continue;
    if (basename(path) === 'mod.rs') add(`${dirname(path)}.rs`);
    else add(join(path.slice(0, -'.rs'.length), 'mod.rs'));
  }
  const dirs = [
    ...unit.plan.searchDirs
      .filter((dir) => dir.kind === 'native' || dir.kind === 'all')
      .map((dir) => dir.path),
    ...(unit.linker?.searchDirs ?? []),
  ].map((dir) => disk.realpath(dir));
  for (const path of linked) {
    const library = /^lib(.+?)\.(so|a)$/.exec(basename(path));
    if (library === null) continue;
    const at = dirs.indexOf(disk.realpath(dirname(path)));
    for (const dir of new Set(at < 0 ? dirs : dirs.slice(0, at))) {
      add(join(dir, `lib${library[1]}.so`));
      add(join(dir, `lib${library[1]}.a`));
    }
    if (library[2] === 'a') add(join(dirname(path), `lib${library[1]}.so`));
  }
  return [...absent].sort();
}
