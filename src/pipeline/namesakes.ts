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
 * not a C library packed into it, nor how it was compiled: an older build, left under the file
 * name of other settings (`CARGO_INCREMENTAL=0` and without, say), would do for rustc. Cargo
 * finds such a file missing when it wants it again, and gets it from the cache.
 *
 * @returns files of such names that this node does not know: see `onlyDependencies`
 */
export function removeNamesakes(unit: Unit, artifacts: Artifacts, disk: DiskPort): string[] {
  const { records } = unit.closure;
  const masks = masksOf(records.values(), '');
  const strangers: string[] = [];
  const listed = new Map<string, string[]>();
  for (const [path, record] of records) {
    const used = record.role === 'proc-macro' || (record.role === 'rlib' && unit.plan.bundles);
    if (!used || record.canonical === '') continue;
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

function isBuildOf(crate: string, extension: string, name: string): boolean {
  return name.startsWith(`lib${crate}-`) && name.endsWith(extension);
}
