import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/base/canonical.js';
import type { Digest } from '../../src/base/digest.js';
import type { Manifest, OutputRole } from '../../src/base/result.js';
import { Ahead } from '../../src/pipeline/ahead.js';
import { findRemote } from '../../src/pipeline/lookup.js';
import type { Candidate, Deadline, PipelinePorts } from '../../src/pipeline/ports.js';
import type { Unit } from '../../src/pipeline/prepare.js';
import { findScript } from '../../src/pipeline/script/lookup.js';
import type { ScriptUnit } from '../../src/pipeline/script/prepare.js';
import { fetchBudget } from '../../src/pipeline/take.js';
import { digestOf, hasher, makeUnit, resultKeyOf } from '../mesh/support.js';

const KEY: Digest = digestOf('unit');

/** A result whose inputs are the same everywhere: it read nothing. */
function candidate(text: string, role: OutputRole, compileMs: number): Candidate {
  const manifest: Manifest = {
    schema: 1,
    inputs: [],
    env: [[`NOT_SET_${text}`, null]],
    absent: [],
    listed: [],
    observed: [],
    bound: [],
  };
  const digest = digestOf(canonicalJson(manifest));
  const { result } = makeUnit(text, [], {
    unitKey: KEY,
    manifest: digest,
    resultKey: resultKeyOf(KEY, digest),
    compileMs,
    outputs: [{ role, executable: false, size: text.length, digest: digestOf(text) }],
  });
  return { manifest, result, attestations: [], holders: ['peer'] };
}

type Spent = (deadlineMs: number) => number;

/** Peers that give nothing of what they have, and take so long for each attempt. */
function besidePeers(candidates: readonly Candidate[], spentMs: Spent) {
  const clock = { ms: 5_000, now: (): number => clock.ms, monotonic: (): number => clock.ms };
  const deadlines: number[] = [];
  const late: string[] = [];
  const ports = {
    hasher,
    clock,
    disk: {},
    mesh: {
      reachable: true,
      find: async () => candidates,
      fetch: async (_candidate: unknown, _need: unknown, { deadlineMs }: Deadline) => {
        deadlines.push(deadlineMs);
        clock.ms += spentMs(deadlineMs);
        return undefined;
      },
    },
    store: {
      manifestsOf: () => [],
      resultsOf: () => [],
      check: () => 'gone',
      reserve: () => ({ [Symbol.dispose]: () => {} }),
    },
    trust: { taking: () => undefined, isRecalledToolchain: () => false },
    conflicts: { saw: () => {} },
    recorder: {
      late: (unit: string) => late.push(unit),
      error: (code: string, message: string) => {
        throw new Error(`${code} ${message}`);
      },
    },
  } as unknown as PipelinePorts;
  return { ports, deadlines, late };
}

const unit = {
  key: KEY,
  offMesh: undefined,
  toolchain: { id: digestOf('rustc') },
  plan: { arguments: [] },
  roots: {},
  env: new Map(),
  incremental: undefined,
  closure: { records: new Map() },
  outputs: [{ role: 'rlib' }],
} as unknown as Unit;

const script = {
  key: KEY,
  name: 'package',
  offMesh: undefined,
  exclude: [],
  roots: {},
  env: new Map(),
} as unknown as ScriptUnit;

const whole = (deadlineMs: number) => deadlineMs;

describe('a call that compiles', () => {
  const three = ['a', 'b', 'c'].map((text) => candidate(text, 'rlib', 1_000));
  const look = async (candidates: readonly Candidate[], expectedMs: number, spentMs: Spent) => {
    const { ports, deadlines, late } = besidePeers(candidates, spentMs);
    const holders: (string | undefined)[] = [];
    const found = await findRemote(unit, expectedMs, ports, (node) => holders.push(node));
    expect(found).not.toHaveProperty('stored');
    expect(holders).toHaveLength(deadlines.length);
    expect(late).toHaveLength(deadlines.length);
    return deadlines;
  };

  it('has one budget for all that peers have', async () => {
    expect(await look(three, 4_000, () => 2_500)).toEqual([6_000, 3_500, 1_000]);
  });

  it('asks nobody any more once that is spent', async () => {
    expect(await look(three, 4_000, whole)).toEqual([6_000]);
    expect(await look(three, 4_000, () => 5_950)).toEqual([6_000]);
  });

  it('waits in relation to what compiling costs here or there, within bounds', async () => {
    expect(await look([candidate('a', 'rlib', 10_000)], 4_000, whole)).toEqual([15_000]);
    expect(await look([candidate('a', 'rlib', 200)], 100, whole)).toEqual([1_500]);
    expect(await look([candidate('a', 'rlib', 10 ** 9)], 100, whole)).toEqual([60_000]);
  });
});

describe('a run of a build script', () => {
  const look = async (candidates: readonly Candidate[], spentMs: Spent, expectedMs?: number) => {
    const { ports, deadlines } = besidePeers(candidates, spentMs);
    expect(await findScript(script, ports, new Ahead(ports), expectedMs)).toBe('new');
    return deadlines;
  };

  it('has one budget too, by what it took here or at the peer', async () => {
    const two = ['a', 'b'].map((text) => candidate(text, 'tree', 4_000));
    expect(await look(two, () => 2_500)).toEqual([6_000, 3_500]);
    expect(await look(two, whole)).toEqual([6_000]);
    expect(await look([candidate('a', 'tree', 20)], whole)).toEqual([1_500]);
    expect(await look([candidate('a', 'tree', 20)], whole, 10_000)).toEqual([15_000]);
    expect(await look([candidate('a', 'tree', 10 ** 9)], whole)).toEqual([60_000]);
  });
});

describe('a budget', () => {
  it('runs from its first use, and is larger for what took longer to make', () => {
    const clock = { ms: 0, now: (): number => clock.ms, monotonic: (): number => clock.ms };
    const leftFor = fetchBudget(clock, 2_000);
    clock.ms = 100_000;
    expect(leftFor(1_000)).toBe(3_000);
    clock.ms += 2_950;
    expect(leftFor(1_000)).toBe(0);
    expect(leftFor(4_000)).toBe(3_050);
  });
});
