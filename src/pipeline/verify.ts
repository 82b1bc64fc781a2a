import type { Result } from '../base/result.js';
import { type Artifacts, masksOf } from './artifacts.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/**
 * Compares what the compiler just made with the result that would have been restored.
 *
 * @returns roles whose content differs; undefined when the two cannot be compared: the compile
 *   was of another incremental class, or an output is gone
 */
export async function differingOutputs(
  cached: Result,
  unit: Unit,
  disk: DiskPort,
  artifacts: Artifacts,
): Promise<string[] | undefined> {
  if (cached.class === 'warm' || cached.class !== freshClass(unit)) return undefined;
  const masks = masksOf(unit.closure.records.values(), unit.plan.extraFilename);
  const differing: string[] = [];
  for (const { role, path } of unit.outputs) {
    const output = cached.outputs.find((candidate) => candidate.role === role);
    if (role === 'dep-info' || output === undefined) continue;
    const made = await disk.digestAsync(path);
    if (made === undefined) return undefined;
    if (made === output.digest) continue;
    const same =
      output.identity !== undefined && artifacts.identityOf(path, masks) === output.identity;
    if (!same) differing.push(role);
  }
  return differing;
}

function freshClass(unit: Unit): Result['class'] {
  if (unit.incremental === undefined) return 'plain';
  return unit.incremental.warm ? 'warm' : 'incremental';
}
