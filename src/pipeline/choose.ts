import { canonicalJson } from '../base/canonical.js';
import type { Digest, Hasher } from '../base/digest.js';
import type { Result } from '../base/result.js';
import type { Change } from '../keying/explain.js';
import type { Standing } from '../wire/http.js';
import type { StoredResult } from './ports.js';
import type { Unit } from './prepare.js';

/**
 * Why what a result would put in place does not do for this call. An incremental result is up to 14
 * times slower at run time than a plain one where the optimiser is on, so there it answers
 * incremental requests only.
 *
 * @returns undefined when it does
 */
export function misfit(result: Result, unit: Unit): Change | undefined {
  if (result.class !== 'plain' && unit.incremental === undefined && unit.plan.optimised) {
    return { input: 'incremental', before: `a result of class ${result.class}`, after: 'off' };
  }
  if (expectsOutputs(result, unit)) return undefined;
  return { input: 'outputs', before: 'others than these', after: rolesOf(unit) };
}

function rolesOf(unit: Unit): string {
  return unit.outputs.map(({ role }) => role).join(', ');
}

/** The same for a result as a whole, messages included. */
export function unfit(result: Result, unit: Unit, format: Digest): Change | undefined {
  if (!speaks(result, format)) {
    return { input: 'messages', before: 'for another terminal or format', after: 'for this one' };
  }
  return misfit(result, unit);
}

/** Whether a result's messages look as this call wants them. */
export function speaks(result: Result, format: Digest): boolean {
  return result.messages === 'silent' || result.messages === format;
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

/** What dependents can see of a result: two compiles that they cannot tell apart have one digest. */
export function standingOf(result: Result, hasher: Hasher): Standing {
  const seen = result.outputs
    .filter(({ role }) => role !== 'dep-info')
    .map(({ role, digest, identity }) => [role, identity ?? digest])
    .sort(([a], [b]) => (a! < b! ? -1 : 1));
  return [result.resultKey, result.class, hasher.hash(canonicalJson(seen))];
}

/** Below zero when the first is preferred; zero when no dependent could tell them apart. */
export function compareStandings([, a, x]: Standing, [, b, y]: Standing): number {
  const rank = CLASSES.indexOf(a) - CLASSES.indexOf(b);
  if (rank !== 0 || x === y) return rank;
  return x < y ? -1 : 1;
}

/** Every node prefers the same of several results, so that chains grow together again. */
export function preferredFirst<T extends Pick<StoredResult, 'result' | 'resultDigest'>>(
  results: readonly T[],
  hasher: Hasher,
): T[] {
  if (results.length < 2) return [...results];
  return results
    .map((stored) => ({ stored, standing: standingOf(stored.result, hasher) }))
    .sort(
      (a, b) =>
        compareStandings(a.standing, b.standing) ||
        (a.stored.resultDigest < b.stored.resultDigest ? -1 : 1),
    )
    .map(({ stored }) => stored);
}
