import type { Digest } from '../base/digest.js';
import type { Result } from '../base/result.js';
import type { Change } from '../keying/explain.js';
import type { StoredResult } from './ports.js';
import type { Unit } from './prepare.js';

/**
 * Why a result does not answer this call although its inputs are the same. An incremental result
 * is up to 14 times slower at run time than a plain one where the optimiser is on, so there it
 * answers incremental requests only.
 *
 * @returns undefined when it does
 */
export function unfit(result: Result, unit: Unit, format: Digest): Change | undefined {
  if (result.messages !== 'silent' && result.messages !== format) {
    return { input: 'messages', before: 'for another terminal or format', after: 'for this one' };
  }
  if (result.class !== 'plain' && unit.incremental === undefined && unit.plan.optimised) {
    return { input: 'incremental', before: `a result of class ${result.class}`, after: 'off' };
  }
  if (expectsOutputs(result, unit)) return undefined;
  return { input: 'outputs', before: 'others than these', after: rolesOf(unit) };
}

function rolesOf(unit: Unit): string {
  return unit.outputs.map(({ role }) => role).join(', ');
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
