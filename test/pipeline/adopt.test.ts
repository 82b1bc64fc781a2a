import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import type { Result } from '../../src/base/result.js';
import { type Adopting, adopt } from '../../src/pipeline/adopt.js';
import { standingOf } from '../../src/pipeline/choose.js';
import type { Candidate, PipelinePorts } from '../../src/pipeline/ports.js';
import { digestOf, hasher, makeUnit, type Unit } from '../mesh/support.js';
import { openStore } from '../store/fixture.js';

/** A real store, and a peer that has every blob of the offers. */
async function node() {
  const { store } = await openStore();
  const adopted: string[] = [];
  const blobs = new Map<Digest, Buffer>();
  const asked: Digest[] = [];
  const refusing = new Set<string>();
  const ports = {
    hasher,
    store,
    mesh: {
      async fetch(_candidate: Candidate, need: { digest: Digest; size: number }[]) {
        const files = new Map(need.map(({ digest }) => [digest, store.tmpPath()]));
        for (const [digest, path] of files) writeFileSync(path, blobs.get(digest)!);
        asked.push(...files.keys());
        return { files, from: 'peer', bytes: need.reduce((sum, { size }) => sum + size, 0) };
      },
    },
    trust: {
      taking: ({ result }: Candidate) =>
        refusing.has(result.crateName) ? { reason: 'policy' } : undefined,
    },
    conflicts: { saw: () => {} },
    recorder: {
      adopted: (unit: string) => adopted.push(unit),
      error: (code: string, message: string) => {
        throw new Error(`${code} ${message}`);
      },
    },
  } as unknown as PipelinePorts;
  /** Takes in a compile of this node's own. */
  const compile = async (unit: Unit) => {
    for (const bytes of [...unit.contents, Buffer.alloc(0)]) await store.putBytes(bytes);
    const { manifest, result } = unit;
    const resultDigest = hasher.hash(JSON.stringify(result));
    const rest = { attestations: [], localOnly: false, origin: 'own' as const };
    store.putResult({ manifest, result, resultDigest, ...rest });
  };
  const offer = (unit: Unit): Candidate => {
    for (const bytes of unit.contents) blobs.set(digestOf(bytes), bytes);
    const { manifest, result } = unit;
    return { manifest, result, attestations: [], holders: ['peer'] };
  };
  const run = (units: Unit[], change: Partial<Adopting> = {}) =>
    adopt(units.map(offer), ports, {
      maxBytes: 1_000,
      hasRoom: () => true,
      quiet: async () => true,
      ...change,
    });
  return { store, adopted, asked, refusing, compile, run };
}

const unit = (name: string, text: string, change: Partial<Result> = {}) =>
  makeUnit(name, [Buffer.from(text)], change);
const incremental = { class: 'incremental' as const };

/** Two compiles of one crate, the preferred one first. */
function rivals(name: string): [Unit, Unit] {
  const content = (one: Unit) => standingOf(one.result, hasher)[2];
  const [a, b] = [unit(name, `${name} one`), unit(name, `${name} two`)];
  return content(a) < content(b) ? [a, b] : [b, a];
}

describe('what a peer offers', () => {
  it('is taken where all nodes prefer it: plain ones, and the lower of two plain ones', async () => {
    const { store, adopted, compile, run } = await node();
    const [low, high] = rivals('shuffled');
    await compile(unit('leaf', 'mine', incremental));
    await compile(high);
    await run([unit('leaf', 'theirs'), low]);
    expect(adopted).toEqual(['leaf', 'shuffled']);
    const both = store.resultsOf(low.result.resultKey);
    expect(both.map(({ untried }) => untried)).toEqual([true, undefined]);
  });

  it('is left where what is here is as good or better, or nothing is here, or it is no match', async () => {
    const { adopted, asked, compile, run } = await node();
    const [low, high] = rivals('shuffled');
    await compile(low);
    await compile(unit('leaf', 'mine'));
    await compile(unit('same', 'one', { ...incremental, compileMs: 1 }));
    await compile(unit('roles', 'mine', incremental));
    const more = makeUnit('roles', [Buffer.from('theirs'), Buffer.from('a second output')]);
    await run([
      high,
      unit('leaf', 'theirs', incremental),
      unit('same', 'one', { ...incremental, compileMs: 2 }),
      unit('unknown', 'theirs'),
      more,
    ]);
    expect(adopted).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('is left where the policy does not accept who signed it', async () => {
    const { adopted, refusing, compile, run } = await node();
    for (const name of ['a', 'b']) await compile(unit(name, 'mine', incremental));
    refusing.add('a');
    await run([unit('a', 'theirs'), unit('b', 'theirs')]);
    expect(adopted).toEqual(['b']);
  });

  it('is taken once where it has several', async () => {
    const { adopted, compile, run } = await node();
    await compile(unit('shuffled', 'mine', incremental));
    const [low, high] = rivals('shuffled');
    await run([high, low, high]);
    expect(adopted).toEqual(['shuffled']);
  });

  it('changes nothing before all of it is here and no build is under way', async () => {
    const { store, adopted, compile, run } = await node();
    const names = ['a', 'b', 'c'];
    for (const name of names) await compile(unit(name, `${name} mine`, incremental));
    const seen: number[] = [];
    await run(
      names.map((name) => unit(name, `${name} theirs`)),
      {
        quiet: async () => {
          seen.push(store.stats().results);
          return true;
        },
      },
    );
    expect(seen).toEqual([3, 3, 3, 3]);
    expect(adopted).toEqual(names);
  });

  it('is not taken when the node stops, nor when a better one came meanwhile', async () => {
    const { adopted, compile, run } = await node();
    const [low, high] = rivals('shuffled');
    await compile(unit('shuffled', 'mine', incremental));
    await run([high], { quiet: async () => false });
    expect(adopted).toEqual([]);
    let asked = 0;
    const quiet = async () => {
      asked += 1;
      if (asked === 2) await compile(low);
      return true;
    };
    await run([high], { quiet });
    expect({ asked, adopted }).toEqual({ asked: 2, adopted: [] });
  });

  it('is taken within its bounds', async () => {
    const { adopted, asked, compile, run } = await node();
    for (const name of ['long', 'short']) await compile(unit(name, 'mine', incremental));
    const offers = [unit('long', 'x'.repeat(800)), unit('short', 'y'.repeat(300))];
    await run(offers, { hasRoom: () => false });
    expect(asked).toEqual([]);
    await run(offers, { maxBytes: 700 });
    expect(adopted).toEqual(['short']);
  });
});
