import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Output, Result } from '../../src/base/result.js';
import { resultDigestOf } from '../../src/base/resultDigest.js';
import { compareStandings, preferredFirst, standingOf } from '../../src/pipeline/choose.js';
import { digestOf, hasher, makeUnit } from '../mesh/support.js';

const rlib = (text: string, seen?: string): Output => ({
  role: 'rlib',
  executable: false,
  size: text.length,
  digest: digestOf(text),
  ...(seen !== undefined && { identity: digestOf(seen) }),
});

const result = (change: Partial<Result>): Result => makeUnit('a', [], change).result;
const digested = (one: Result) => ({ result: one, resultDigest: digestOf(JSON.stringify(one)) });
const compare = (a: Result, b: Result) =>
  compareStandings(standingOf(a, hasher), standingOf(b, hasher));

describe('the digest of a result', () => {
  it('is that of all of it but how long its compile took', () => {
    const one = result({ compileMs: 1 });
    expect(resultDigestOf(result({ compileMs: 2 }), hasher)).toBe(resultDigestOf(one, hasher));
    const changes: Partial<Result>[] = [
      { resultKey: digestOf('x') },
      { toolchain: digestOf('x') },
      { class: 'incremental' },
      { outputs: [rlib('x')] },
      { stderr: { digest: digestOf('x'), size: 1 } },
    ];
    for (const change of changes) {
      expect(resultDigestOf({ ...one, ...change }, hasher)).not.toBe(resultDigestOf(one, hasher));
    }
  });
});

describe('of several results of one key', () => {
  it('a plain one is preferred to an incremental one, and that to one of a warm state', () => {
    const [plain, incremental, warm] = (['plain', 'incremental', 'warm'] as const).map((kind) =>
      result({ class: kind, outputs: [rlib(kind)] }),
    );
    expect(compare(plain!, incremental!)).toBeLessThan(0);
    expect(compare(incremental!, warm!)).toBeLessThan(0);
    expect(compare(warm!, plain!)).toBeGreaterThan(0);
  });

  it('two that no dependent can tell apart are as good, whatever they took or are called', () => {
    const a = result({ compileMs: 1, outputs: [rlib('made in a', 'same')] });
    const b = result({ compileMs: 2, outputs: [rlib('made in b', 'same')] });
    expect(compare(a, b)).toBe(0);
    expect(compare(a, result({ outputs: [rlib('made in a', 'other')] }))).not.toBe(0);
  });

  it('every node prefers the same one, in whatever order they came', () => {
    const one = fc.record({
      class: fc.constantFrom('plain' as const, 'incremental' as const, 'warm' as const),
      compileMs: fc.nat(3),
      outputs: fc.constantFrom('x', 'y', 'z').map((text) => [rlib(text)]),
    });
    const two = fc.uniqueArray(one, { minLength: 2, maxLength: 6, selector: JSON.stringify });
    const shuffled = two.chain((all) =>
      fc.tuple(
        fc.constant(all),
        fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([here, there]) => {
        const order = (all: Partial<Result>[]) =>
          preferredFirst(all.map(result).map(digested), hasher);
        expect(order(there)).toEqual(order(here));
      }),
    );
  });
});
