import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import { Ahead } from '../../src/pipeline/ahead.js';
import type { Candidate, Deadline, MeshPort, PipelinePorts } from '../../src/pipeline/ports.js';
import { digestOf, hasher, makeUnit } from '../mesh/support.js';

type Fetched = Awaited<ReturnType<MeshPort['fetch']>>;

const MB = 1024 * 1024;

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
}

interface Made {
  bytes: number;
  compileMs: number;
}

/** Results that are on their way ahead of need, until the test says that they have come. */
async function coming(made: Record<string, Made>) {
  const candidates = Object.entries(made).map(([name, { bytes, compileMs }]): Candidate => {
    const digest = digestOf(name);
    const output = { role: 'rlib' as const, executable: false, size: bytes, digest };
    const { manifest, result } = makeUnit(name, [], { compileMs, outputs: [output] });
    return { manifest, result, attestations: [], holders: ['peer'] };
  });
  const deadlines: number[] = [];
  const underWay = new Map<Digest, () => void>();
  const ports = {
    hasher,
    clock: { now: () => Date.now(), monotonic: () => Date.now() },
    mesh: {
      unitsAfter: async () => candidates.map(({ result }) => result.unitKey),
      resultsOf: async () => candidates,
      fetch: ({ result }: Candidate, need: Parameters<MeshPort['fetch']>[1], within: Deadline) => {
        deadlines.push(within.deadlineMs);
        return new Promise<Fetched>((resolve) => {
          const files = new Map(need.map(({ digest }) => [digest, '/nowhere']));
          const bytes = need.reduce((sum, { size }) => sum + size, 0);
          underWay.set(result.unitKey, () => resolve({ files, from: 'peer', bytes }));
        });
      },
    },
    store: {
      manifestsOf: () => [],
      resultsOf: () => [],
      check: () => 'gone',
      reserve: () => ({ [Symbol.dispose]: () => {} }),
      adopt: () => {},
      putBytes: async () => {},
      putResult: () => {},
    },
    trust: { taking: () => undefined },
    conflicts: { saw: () => {} },
    recorder: {
      cameAhead: () => {},
      error: (code: string, message: string) => {
        throw new Error(`${code} ${message}`);
      },
    },
  } as unknown as PipelinePorts;
  const ahead = new Ahead(ports);
  const first = digestOf('first');
  ahead.called(first);
  ahead.follow('peer', first);
  await settle();
  expect(underWay.size).toBe(candidates.length);
  const keyOf = (name: string) => digestOf(`unit ${name}`);
  /** What a call for that unit is told, once it is told. */
  const call = (name: string) => {
    const told: { ending?: string } = {};
    ahead.called(keyOf(name));
    void ahead.arrival(keyOf(name)).then((ending) => {
      told.ending = ending;
    });
    return told;
  };
  const arrive = async (name: string) => {
    underWay.get(keyOf(name))!();
    await settle();
  };
  return { call, arrive, deadlines };
}

describe('a call for what is on its way already', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('waits for it as long as for anything that peers have, which gives it more time itself', async () => {
    const { call, deadlines } = await coming({
      quick: { bytes: MB, compileMs: 100 },
      usual: { bytes: MB, compileMs: 4_000 },
      endless: { bytes: MB, compileMs: 10 ** 9 },
    });
    const calls = ['quick', 'usual', 'endless'].map(call);
    const endings = async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms);
      return calls.map(({ ending }) => ending);
    };
    expect(await endings(1_499)).toEqual([undefined, undefined, undefined]);
    expect(await endings(2)).toEqual(['late', undefined, undefined]);
    expect(await endings(4_500)).toEqual(['late', 'late', undefined]);
    expect(await endings(54_000)).toEqual(['late', 'late', 'late']);
    expect(Math.min(...deadlines)).toBeGreaterThan(60_000);
  });

  it('does not wait for what will take too long, after another waited in vain', async () => {
    const { call, arrive } = await coming({
      one: { bytes: MB, compileMs: 100 },
      large: { bytes: 8 * MB, compileMs: 100 },
      small: { bytes: 1_000, compileMs: 100 },
      dear: { bytes: 8 * MB, compileMs: 60_000 },
    });
    const one = call('one');
    await vi.advanceTimersByTimeAsync(1_500);
    expect(one.ending).toBe('late');
    const [large, small, dear] = ['large', 'small', 'dear'].map(call);
    await settle();
    expect(large?.ending).toBe('late');
    expect(small?.ending).toBeUndefined();
    expect(dear?.ending).toBeUndefined();
    await arrive('small');
    expect(small?.ending).toBe('ended');
    // So much in so little time: then the other is worth waiting for as well.
    await arrive('dear');
    expect(dear?.ending).toBe('ended');
    const again = call('large');
    await settle();
    expect(again.ending).toBeUndefined();
    await arrive('large');
    expect(again.ending).toBe('ended');
  });

  it('waits again after a while', async () => {
    const { call } = await coming({
      one: { bytes: MB, compileMs: 100 },
      large: { bytes: 1_000 * MB, compileMs: 100 },
    });
    call('one');
    await vi.advanceTimersByTimeAsync(1_500);
    const large = call('large');
    await settle();
    expect(large.ending).toBe('late');
    await vi.advanceTimersByTimeAsync(30_001);
    const later = call('large');
    await settle();
    expect(later.ending).toBeUndefined();
  });
});
