import { existsSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredResult } from '../../src/store/records.js';
import type { Store } from '../../src/store/store.js';
import { bytes, makeResult, openStore } from './fixture.js';

/** Bytes on disk under cas/ and tmp/, in whole blocks. */
function onDisk(root: string): number {
  let sum = 0;
  for (const folder of ['cas', 'tmp']) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const stat = statSync(join(root, folder, name), { throwIfNoEntry: false });
      if (stat?.isFile()) sum += Math.ceil(stat.size / 4096) * 4096;
    }
  }
  return sum;
}

async function putUnit(store: Store, unit: string, sizes: number[]): Promise<StoredResult> {
  const outputs = [];
  for (const [at, size] of sizes.entries()) {
    outputs.push(await store.putBytes(bytes(size, unit.charCodeAt(0) * 100 + at)));
  }
  const stored = makeResult({ unit, outputs });
  store.putResult(stored);
  return stored;
}

describe('the bound', () => {
  it('holds whatever happens, keeps pinned blobs, and never shows half a result', async () => {
    const unit = fc.constantFrom(...'abcdefghij');
    const sizes = fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 3 });
    const step = fc.oneof(
      fc.record({ do: fc.constant('put' as const), unit, sizes }),
      fc.record({ do: fc.constant('touch' as const), unit }),
      fc.record({ do: fc.constant('pin' as const), unit }),
      fc.record({ do: fc.constant('unpin' as const) }),
      fc.record({ do: fc.constant('drop' as const), unit }),
      fc.record({ do: fc.constant('flush' as const) }),
    );
    const maxBytes = 120_000;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { store, path, clock } = await openStore({ maxBytes });
        const known = new Map<string, StoredResult>();
        const pins: { stored: StoredResult; pin: Disposable }[] = [];
        for (const next of steps) {
          clock.aheadMs += 1000;
          const before = 'unit' in next ? known.get(next.unit) : undefined;
          if (next.do === 'put') {
            try {
              known.set(next.unit, await putUnit(store, next.unit, next.sizes));
            } catch (error) {
              expect(error).toMatchObject({ code: /VRIFT_STORE_(FULL|CORRUPT)/ });
            }
          } else if (next.do === 'touch') {
            if (before) store.touch(before.result.resultKey);
          } else if (next.do === 'drop') {
            const pinned = pins.some(({ stored }) => stored === before);
            if (before && !pinned) store.dropResult(before.result.resultKey, before.resultDigest);
          } else if (next.do === 'flush') await store.flush();
          else if (next.do === 'unpin') pins.pop()?.pin[Symbol.dispose]();
          else if (before && store.resultsOf(before.result.resultKey).length > 0) {
            const pin = store.pin(before.result.outputs.map(({ digest }) => digest));
            pins.push({ stored: before, pin });
          }
          await turn();
          expect(store.stats().bytes).toBeLessThanOrEqual(maxBytes);
          expect(onDisk(path)).toBeLessThanOrEqual(maxBytes);
          for (const { stored } of pins) {
            for (const { digest } of stored.result.outputs) {
              expect(existsSync(store.blobPath(digest))).toBe(true);
            }
          }
          for (const { result } of known.values()) {
            for (const found of store.resultsOf(result.resultKey)) {
              for (const { digest, size } of found.result.outputs) {
                expect(store.check(digest, size)).toBe('ok');
              }
            }
          }
        }
        const counted = store.stats();
        await store.gc();
        expect(store.stats().bytes).toBe(counted.bytes);
        await store.close();
      }),
      { numRuns: 40 },
    );
  });

  it('evicts by recency of use, whole results, and only as much as a put needs', async () => {
    const { store, clock } = await openStore({ maxBytes: 110_000 });
    const units: StoredResult[] = [];
    for (const unit of 'abcd') {
      units.push(await putUnit(store, unit, [20_000]));
      clock.aheadMs += 1000;
    }
    store.touch(units[0]!.result.resultKey);
    clock.aheadMs += 1000;
    await putUnit(store, 'e', [20_000]);
    const left = units.map(({ result }) => store.resultsOf(result.resultKey).length);
    expect(left).toEqual([1, 0, 1, 1]);
  });

  it('evicts in the background down to the lower mark', async () => {
    const { store, clock } = await openStore({ maxBytes: 1_000_000 });
    for (let at = 0; store.stats().bytes <= 950_000; at++) {
      await putUnit(store, String.fromCharCode(97 + at), [20_000]);
      clock.aheadMs += 1000;
    }
    await expect.poll(() => store.stats().bytes).toBeLessThan(850_000);
    expect(store.stats().bytes).toBeGreaterThan(750_000);
  });

  it('refuses what can never fit without evicting anything for it', async () => {
    const { store } = await openStore({ maxBytes: 100_000 });
    const kept = await putUnit(store, 'a', [20_000]);
    await expect(store.putBytes(bytes(200_000, 1))).rejects.toMatchObject({
      code: 'VRIFT_STORE_FULL',
    });
    expect(store.reserve(200_000)).toBeUndefined();
    expect(store.resultsOf(kept.result.resultKey)).toHaveLength(1);
  });

  it('goes on reading while it refuses writes, and takes them again after an unpin', async () => {
    const { store } = await openStore({ maxBytes: 60_000 });
    const stored = await putUnit(store, 'a', [40_000]);
    const { digest, size } = stored.result.outputs[0]!;
    const pin = store.pin([digest]);
    await expect(store.putBytes(bytes(30_000, 9))).rejects.toMatchObject({
      code: 'VRIFT_STORE_FULL',
    });
    expect(store.check(digest, size)).toBe('ok');
    expect(store.resultsOf(stored.result.resultKey)).toHaveLength(1);
    pin[Symbol.dispose]();
    pin[Symbol.dispose]();
    await store.putBytes(bytes(30_000, 9));
    expect(store.resultsOf(stored.result.resultKey)).toEqual([]);
  });

  it('counts reservations, and gives back what they did not use', async () => {
    const { store } = await openStore({ maxBytes: 100_000 });
    const reservation = store.reserve(30_000, 30_000)!;
    expect(store.reserve(40_000)).toBeUndefined();
    await expect(store.putBytes(bytes(40_000, 1))).rejects.toMatchObject({
      code: 'VRIFT_STORE_FULL',
    });
    reservation[Symbol.dispose]();
    reservation[Symbol.dispose]();
    await store.putBytes(bytes(40_000, 1));
  });

  it('keeps a pinned blob whose result is dropped, until the pin goes', async () => {
    const { store } = await openStore();
    const stored = await putUnit(store, 'a', [5000]);
    const { digest, size } = stored.result.outputs[0]!;
    const pin = store.pin([digest]);
    store.dropResult(stored.result.resultKey, stored.resultDigest);
    expect(store.check(digest, size)).toBe('ok');
    pin[Symbol.dispose]();
    expect(store.check(digest, size)).toBe('gone');
    expect(store.stats()).toMatchObject({ bytes: 0, blobs: 0 });
  });

  it('evicts a blob whose result never came before any result', async () => {
    const { store, clock } = await openStore({ maxBytes: 100_000 });
    const stored = await putUnit(store, 'a', [20_000]);
    const orphan = await store.putBytes(bytes(50_000, 1));
    clock.aheadMs += 11 * 60_000;
    await store.putBytes(bytes(50_000, 2));
    expect(store.check(orphan.digest, orphan.size)).toBe('gone');
    expect(store.resultsOf(stored.result.resultKey)).toHaveLength(1);
  });
});

describe('counting anew', () => {
  it('comes to what was counted all along, whatever happens meanwhile', async () => {
    const { store, clock } = await openStore();
    for (const unit of 'abcdefghijklmnop') await putUnit(store, unit, [3000, 5000]);
    for (let round = 0; round < 5; round++) {
      const counting = store.gc();
      for (const [at, unit] of [...'qcrdaset'].entries()) {
        clock.aheadMs += 4;
        const stored = await putUnit(store, unit, [3000, 100 * round + at]);
        if (at % 3 === 0) store.dropResult(stored.result.resultKey, stored.resultDigest);
        await turn();
      }
      await counting;
      const counted = store.stats();
      expect(await store.gc()).toEqual({ freedBytes: 0, results: 0, blobs: 0 });
      expect(store.stats()).toEqual(counted);
    }
    await store.gc({ all: true });
    expect(store.stats()).toMatchObject({ bytes: 0, blobs: 0, results: 0 });
  });
});

describe('gc', () => {
  it('evicts what was not used for long, then down to a size, then everything', async () => {
    const { store, clock } = await openStore();
    const units: StoredResult[] = [];
    for (const unit of 'abcd') {
      units.push(await putUnit(store, unit, [20_000]));
      clock.aheadMs += 60_000;
    }
    const old = await store.gc({ olderThanMs: 200_000 });
    expect(old).toMatchObject({ results: 1, blobs: 1 });
    expect(old.freedBytes).toBeGreaterThan(20_000);
    expect(await store.gc({ maxBytes: 60_000 })).toMatchObject({ results: 1, blobs: 1 });
    expect(store.resultsOf(units[3]!.result.resultKey)).toHaveLength(1);
    expect(await store.gc({ all: true })).toMatchObject({ results: 2, blobs: 2 });
    expect(store.stats()).toMatchObject({ results: 0, blobs: 0, bytes: 0, maxBytes: 64 << 20 });
  });

  it('removes files nobody names, and leaves what is not ours', async () => {
    const { store, path } = await openStore();
    const { digest, size } = (await putUnit(store, 'a', [100])).result.outputs[0]!;
    const folder = join(store.blobPath(digest), '..');
    const orphan = join(folder, `${digest.slice(0, 2)}${'0'.repeat(62)}`);
    const foreign = [join(folder, 'README'), join(path, 'cas/note.txt')];
    for (const file of [orphan, ...foreign]) writeFileSync(file, 'x');
    await store.gc();
    expect(existsSync(orphan)).toBe(false);
    expect(foreign.map((file) => existsSync(file))).toEqual([true, true]);
    expect(store.check(digest, size)).toBe('ok');
  });
});

describe('verify', () => {
  it('finds bad blobs, and with repair drops them and what names them', async () => {
    const { store } = await openStore();
    const [bad, good, lost] = [
      await putUnit(store, 'a', [5000]),
      await putUnit(store, 'b', [5000]),
      await putUnit(store, 'c', [5000]),
    ];
    writeFileSync(store.blobPath(bad.result.outputs[0]!.digest), bytes(5000, 77));
    unlinkSync(store.blobPath(lost.result.outputs[0]!.digest));
    void store.flush();
    expect(await store.verify({ repair: false })).toEqual({ blobs: 3, bad: 2, dropped: 0 });
    expect(await store.verify({ repair: true })).toEqual({ blobs: 3, bad: 2, dropped: 2 });
    expect(await store.verify({ repair: true })).toEqual({ blobs: 1, bad: 0, dropped: 0 });
    expect(store.resultsOf(good.result.resultKey)).toHaveLength(1);
    expect(store.stats()).toMatchObject({ blobs: 1, results: 1 });
  });
});
