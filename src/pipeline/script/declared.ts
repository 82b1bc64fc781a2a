import { absolute } from '../../base/paths.js';
import type { DiskPort } from '../ports.js';
import type { ScriptReads } from './observed.js';
import type { ScriptUnit } from './prepare.js';

const MAX_FILES = 10_000;

const LINE = /^cargo::?(rerun-if-changed|rerun-if-env-changed)=(.*)$/gm;

/**
 * Adds what a script told cargo of: that may be more than it read this time.
 *
 * @returns a text: why the run cannot be recorded
 */
export function addDeclared(
  unit: ScriptUnit,
  stdout: string,
  reads: ScriptReads,
  disk: DiskPort,
): string | undefined {
  let left = MAX_FILES;
  const look = (path: string): boolean => {
    if (--left < 0) return false;
    const names = disk.list(path);
    if (names === undefined) {
      if (disk.changedNs(path) === undefined) reads.absent.add(path);
      else reads.files.add(path);
      return true;
    }
    reads.listed.add(path);
    return names.every((name) => look(`${path}/${name}`));
  };
  for (const [, word, value = ''] of stdout.matchAll(LINE)) {
    if (word === 'rerun-if-env-changed') {
      reads.env.add(value);
      continue;
    }
    const path = absolute(unit.packageDir, value);
    if (`${path}/`.startsWith(`${unit.outDir}/`)) return 'rerun-if-changed inside OUT_DIR';
    if (!look(path)) return 'too many declared inputs';
  }
  return undefined;
}
