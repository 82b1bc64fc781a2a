import { basename, dirname, extname, join } from 'node:path';
import { type Artifacts, masksOf } from './artifacts.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/**
 * Removes older builds of a dependency that a link, or a macro's expansion, could take for the one
 * that was meant.
 *
 * A restored crate names its dependencies' files as the machine that made it did, and where no
 * file has that name rustc takes any of that crate and hash. The hash covers sources and flags,
 * not a C library packed into it, nor how it was compiled: an older build, left under the
 * file name of other settings (`CARGO_INCREMENTAL=0` and without, say), would do for rustc. Cargo
 * finds such a file missing when it wants it again, and gets it from the cache. Where every
 * dependent names the very file, nothing is taken for anything else, and namesakes stay: they may
 * be another checkout's that shares the target directory.
 *
 * @returns files of such names that this node does not know: see `onlyDependencies`
 */
export async function removeNamesakes(
  unit: Unit,
  artifacts: Artifacts,
  disk: DiskPort,
): Promise<string[]> {
  const { records } = unit.closure;
  const masks = masksOf(records.values(), '');
  const strangers: string[] = [];
  const listed = new Map<string, string[]>();
  for (const [path, record] of records) {
    const used = record.role === 'proc-macro' || (record.role === 'rlib' && unit.plan.bundles);
    if (!used || record.canonical === '') continue;
    if (await isNamedByAll(path, unit, disk)) continue;
    const dir = dirname(path);
    const names = listed.get(dir) ?? disk.list(dir) ?? [];
    listed.set(dir, names);
    for (const name of names) {
      if (name === basename(path) || !isBuildOf(record.crate, extname(path), name)) continue;
      const other = join(dir, name);
      if (records.has(other)) continue;
      const known = artifacts.at(other);
      if (known === undefined) strangers.push(other);
      if (known?.canonical !== record.canonical) continue;
      if (artifacts.identityOf(other, masks) === artifacts.identityOf(path, masks)) continue;
      disk.remove(other);
      if (record.role === 'rlib') disk.remove(other.replace(/\.rlib$/, '.rmeta'));
    }
  }
  return strangers;
}

/** Whether all that was compiled against a library says so with its file name. */
async function isNamedByAll(path: string, { closure }: Unit, disk: DiskPort): Promise<boolean> {
  const suffix = closure.records.get(path)?.suffix ?? '';
  const names = [path, path.replace(/\.rlib$/, '.rmeta')];
  for (const [dependent, { externs }] of closure.records) {
    if (!externs.some((extern) => names.includes(extern))) continue;
    if (suffix === '' || !(await disk.mentions(dependent, suffix))) return false;
  }
  return true;
}

function isBuildOf(crate: string, extension: string, name: string): boolean {
  return name.startsWith(`lib${crate}-`) && name.endsWith(extension);
}
