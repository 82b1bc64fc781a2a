import { basename, join } from 'node:path';
import { rewriteArgv } from './argv.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/** A call that finds no other files than its own dependencies. */
export interface Narrowed {
  argv: string[];
  dir: string;
}

/**
 * Lets rustc search a directory of links to exactly the call's dependencies. For a target
 * directory with files of theirs that this node did not make, or has forgotten: whether one of
 * those would do for rustc, only rustc could tell (`removeNamesakes`), and cargo may want it.
 *
 * @param fresh a name that nobody else uses
 * @returns undefined when the dependencies are not all known, or links cannot be made
 */
export function onlyDependencies(unit: Unit, disk: DiskPort, fresh: string): Narrowed | undefined {
  if (unit.closure.foreign.length > 0) return undefined;
  const files = [...unit.closure.records.keys()];
  if (new Set(files.map((path) => basename(path))).size < files.length) return undefined;
  const { plan, roots, canonical, incremental, linkInputs } = unit;
  const dir = join(plan.outDir, `.vrift-${basename(fresh)}.deps`);
  if (!disk.gather(dir, files)) return undefined;
  const change = { roots, canonical, incremental: incremental?.dir, linkInputs, dependencies: dir };
  return { argv: rewriteArgv(plan, change), dir };
}
