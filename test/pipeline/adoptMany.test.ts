import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import type { Result } from '../../src/base/result.js';
import { adopt } from '../../src/pipeline/adopt.js';
import type { Candidate, PipelinePorts, StoredResult } from '../../src/pipeline/ports.js';
import { hasher, makeUnit } from '../mesh/support.js';

const nothing = { [Symbol.dispose]: () => {} };

/** A store that has all content already, and of each unit a result that is not as good. */
function nodeWith(units: readonly { result: Result }[]) {
  const stored = new Map<Digest, Result[]>(
    units.map(({ result }) => [result.resultKey, [{ ...result, class: 'incremental' as const }]]),
  );
  const adopted: string[] = [];
  const ports = {
    hasher,
    store: {
      resultsOf: (key: Digest) => stored.get(key)?.map((result) => ({ result })) ?? [],
      check: () => 'ok',
      pin: () => nothing,
      reserve: () => nothing,
      putResult: ({ result }: StoredResult) => stored.get(result.resultKey)?.push(result),
    },
    trust: { taking: () => undefined },
    conflicts: { saw: () => {} },
    recorder: {
      adopted: (unit: string) => adopted.push(unit),
      error: (code: string, message: string) => {
        throw new Error(`${code} ${message}`);
      },
    },
  } as unknown as PipelinePorts;
  return { ports, stored, adopted };
}

const names = Array.from({ length: 100 }, (_, at) => `crate_${at}`);
const units = names.map((name) => makeUnit(name, [Buffer.from(name)]));
const offers = units.map(
  ({ manifest, result }): Candidate => ({ manifest, result, attestations: [], holders: ['peer'] }),
);
const easy = { maxBytes: 1_000, hasRoom: () => true, quiet: async () => true };

it('calls have their turn while many offers are compared and kept', async () => {
  const { ports, adopted } = nodeWith(units);
  const adopting = adopt(offers, ports, easy);
  const seen = new Set<number>();
  while (adopted.length < offers.length) {
    seen.add(adopted.length);
    await turn();
  }
  await adopting;
  expect(adopted).toEqual(names);
  // Some were kept, and others not yet.
  expect([...seen].filter((count) => count > 0 && count < names.length).length).toBeGreaterThan(2);
});

it('what a build brought in during such a turn is not replaced', async () => {
  const { ports, stored, adopted } = nodeWith(units);
  const adopting = adopt(offers, ports, easy);
  while (adopted.length === 0) await turn();
  const last = units.at(-1)!.result;
  expect(adopted).not.toContain(last.crateName);
  stored.get(last.resultKey)!.push({ ...last, compileMs: 1 });
  await adopting;
  expect(adopted).toEqual(names.slice(0, -1));
});
