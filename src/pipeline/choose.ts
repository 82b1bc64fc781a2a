import type { Digest } from '../base/digest.js';
import type { Result } from '../base/result.js';
import type { StoredResult } from './ports.js';
import type { Unit } from './prepare.js';

/**
 * Whether a result answers this call. An incremental result is up to 14 times slower at run time
 * than a plain one where the optimiser is on, so there it answers incremental requests only.
 */
export function answers(result: Result, unit: Unit, format: Digest): boolean {
  if (result.messages !== 'silent' && result.messages !== format) return false;
  if (result.class !== 'plain' && unit.incremental === undefined && unit.plan.optimised) {
    return false;
  }
  return expectsOutputs(result, unit);
}

/** Outputs are exactly those of the call's own plan; split-debuginfo objects come on top. */
export function expectsOutputs(result: Result, unit: Unit): boolean {
  const planned = new Set<string>(unit.outputs.map((output) => output.role));
  const fixed = result.outputs.filter((output) => !output.role.startsWith('dwo:'));
  if (fixed.length !== planned.size) return false;
  const dwo = result.outputs.length > fixed.length;
  if (dwo && unit.plan.splitDebuginfo !== 'unpacked') return false;
  return result.outputs.every((output) =>
    output.role.startsWith('dwo:') ? DWO.test(output.role) : planned.delete(output.role),
  );
}

const DWO = /^dwo:\.[A-Za-z0-9_.-]+\.dwo$/;

const CLASSES = ['plain', 'incremental', 'warm'];

/** Every node prefers the same of several results, so that chains grow together again. */
export function byPreference(
  a: Pick<StoredResult, 'result' | 'resultDigest'>,
  b: Pick<StoredResult, 'result' | 'resultDigest'>,
): number {
  const rank = CLASSES.indexOf(a.result.class) - CLASSES.indexOf(b.result.class);
  if (rank !== 0) return rank;
  return a.resultDigest < b.resultDigest ? -1 : 1;
}
