import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import { StoreReader } from '../../src/store/reader.js';
import { type Compiled, compileStore } from './compiled.js';
import { atEnd, attestationBy, makeResult, NOWHERE, openStore } from './fixture.js';

let compiled: Compiled;
beforeAll(() => {
  compiled = compileStore();
});
afterAll(() => compiled.remove());

describe('a reader in a thread of its own', () => {
  it('tells nobody of what another version made: its digests mean something else', async () => {
    const { store, path } = await openStore();
    const blob = await store.putBytes(Buffer.from('shared'));
    const [now, then] = ['now', 'then'].map((unit) => makeResult({ unit, outputs: [blob] }));
    then!.result.schema = 1 as never;
    for (const stored of [now!, then!]) store.putResult(stored);
    await store.flush();
    const ask = startReader(path);
    expect(await ask('candidates', now!.result.unitKey)).toHaveLength(1);
    expect(await ask('candidates', then!.result.unitKey)).toEqual([]);
  });

  it('sees what was flushed, and serves only what may leave', async () => {
    const { store, path } = await openStore();
    const shared = await store.putBytes(Buffer.from('shared'));
    const secret = await store.putBytes(Buffer.from('secret'));
    const open = makeResult({
      unit: '1',
      outputs: [shared],
      attestations: [attestationBy('n1')],
    });
    store.putResult(open);
    store.putResult(makeResult({ unit: '1', outputs: [shared], compileMs: 9, localOnly: true }));
    store.putResult(makeResult({ unit: '2', outputs: [secret, shared], localOnly: true }));
    await store.flush();
    const ask = startReader(path);
    expect(await ask('candidates', open.result.unitKey)).toEqual([
      {
        manifest: open.manifest,
        result: open.result,
        attestations: [attestationBy('n1')],
        origin: 'own',
      },
    ]);
    expect(await ask('candidates', makeResult({ unit: '2' }).result.unitKey)).toEqual([]);
    expect(await ask('candidates', NOWHERE)).toEqual([]);
    expect(await ask('read', shared.digest)).toBe('shared');
    expect(await ask('read', secret.digest)).toBeNull();
    expect(await ask('read', NOWHERE)).toBeNull();
    expect(await ask('resultCount')).toBe(2);

    const later = makeResult({ unit: '3', outputs: [secret] });
    store.putResult(later);
    await store.flush();
    expect(await ask('candidates', later.result.unitKey)).toHaveLength(1);
    expect(await ask('read', secret.digest)).toBe('secret');
    unlinkSync(store.blobPath(secret.digest));
    expect(await ask('candidates', later.result.unitKey)).toEqual([]);
    expect(await ask('read', secret.digest)).toBeNull();
  });

  it('tells nothing of what is withheld, counts it not, and has it again afterwards', async () => {
    const { store, path } = await openStore();
    const both = await store.putBytes(Buffer.from('both'));
    const own = await store.putBytes(Buffer.from('own'));
    const secret = makeResult({ unit: 'secret', outputs: [own, both] });
    const open = makeResult({ unit: 'open', outputs: [both] });
    const stays = makeResult({ unit: 'stays', outputs: [both], localOnly: true });
    for (const result of [secret, open, stays]) store.putResult(result);
    const { unitKey, resultKey } = secret.result;
    const ask = startReader(path);
    const seen = async () => {
      await store.flush();
      const candidates = (await ask('candidates', unitKey)) as unknown[];
      return [candidates.length, await ask('read', own.digest), await ask('resultCount')];
    };
    expect(await seen()).toEqual([1, 'own', 3]);
    store.withhold(unitKey);
    expect(store.resultsOf(resultKey)).toMatchObject([{ localOnly: true, withheld: true }]);
    expect(await seen()).toEqual([0, null, 2]);
    expect(await ask('read', both.digest)).toBe('both');
    store.withhold(open.result.unitKey);
    await store.flush();
    expect(await ask('read', both.digest)).toBeNull();
    for (const { result, resultDigest } of [secret, open, stays]) {
      store.release(result.resultKey, resultDigest);
    }
    expect(await seen()).toEqual([1, 'own', 3]);
    expect(store.resultsOf(stays.result.resultKey)).toMatchObject([{ localOnly: true }]);

    // Who compiles it again without a reason to keep it shares it; dropping counts right.
    store.withhold(unitKey);
    store.putResult(secret);
    expect(await seen()).toEqual([1, 'own', 3]);
    store.withhold(unitKey);
    store.dropResult(resultKey, secret.resultDigest);
    expect((await seen())[2]).toBe(2);
  });

  it('has only the very result again that is released, not what else the unit made', async () => {
    const { store, path } = await openStore();
    const [blob, fork] = await Promise.all(
      ['open', 'fork'].map((text) => store.putBytes(Buffer.from(text))),
    );
    // Two of one result key, and one of the same unit under another.
    const released = makeResult({ unit: 'x', outputs: [blob!] });
    const beside = makeResult({ unit: 'x', outputs: [fork!] });
    const other = makeResult({ unit: 'x', inputs: 'other', outputs: [fork!] });
    for (const result of [released, beside, other]) store.putResult(result);
    const { unitKey, resultKey } = released.result;
    store.withhold(unitKey);
    store.release(resultKey, released.resultDigest);
    await store.flush();
    const ask = startReader(path);
    expect(await ask('candidates', unitKey)).toMatchObject([{ result: released.result }]);
    expect(await ask('read', blob!.digest)).toBe('open');
    expect(await ask('read', fork!.digest)).toBeNull();
  });

  it('finds withheld results as such when the store is opened again', async () => {
    const { store, path } = await openStore();
    const blob = await store.putBytes(Buffer.from('secret'));
    const { result, ...rest } = makeResult({ outputs: [blob] });
    store.putResult({ result, ...rest });
    store.withhold(result.unitKey);
    await store.close();
    const { store: again } = await openStore({ path });
    expect(again.resultsOf(result.resultKey)).toMatchObject([{ withheld: true }]);
    const reader = StoreReader.open(path);
    expect([reader.candidates(result.unitKey), reader.resultCount()]).toEqual([[], 0]);
    expect(await reader.openBlob(blob.digest)).toBeUndefined();
    await reader.close();
  });

  it('keeps up while the store writes, and outlives the thread', async () => {
    const { store, path } = await openStore();
    const ask = startReader(path);
    const blob = await store.putBytes(Buffer.from('x'));
    for (let round = 0; round < 30; round++) {
      const stored = makeResult({ unit: String(round), outputs: [blob] });
      store.putResult(stored);
      await store.flush();
      expect(await ask('candidates', stored.result.unitKey)).toHaveLength(1);
    }
    await ask('close');
    store.putResult(makeResult({ unit: 'more', outputs: [blob] }));
    expect(await store.flush()).toBe(true);
    expect(store.stats().results).toBe(31);
  });
});

it('a reader tells what was used with a unit, until a minute passed without a use', async () => {
  const { store, path, clock } = await openStore();
  const blob = await store.putBytes(Buffer.from('x'));
  const put = (unit: string, options: { localOnly?: boolean } = {}) => {
    const stored = makeResult({ unit, outputs: [blob], ...options });
    store.putResult(stored);
    clock.aheadMs += 5;
    return stored.result;
  };
  const [a, b, , c] = [put('a'), put('b'), put('secret', { localOnly: true }), put('c')];
  clock.aheadMs += 61_000;
  put('another build');
  const reader = StoreReader.open(path);
  const after = async (unitKey: Digest, limit = 10) => {
    await sleep(NOTED_MS);
    await store.flush();
    return reader.usedAround(unitKey, limit);
  };
  expect(await after(a.unitKey)).toEqual([b.unitKey, c.unitKey]);
  expect(await after(a.unitKey, 1)).toEqual([b.unitKey]);
  expect(await after(c.unitKey)).toEqual([a.unitKey, b.unitKey]);
  expect(await after(NOWHERE)).toEqual([]);

  // The last use counts.
  clock.aheadMs += 61_000;
  for (const { resultKey } of [a, c, b]) {
    store.touch(resultKey);
    clock.aheadMs += 5;
  }
  expect(await after(a.unitKey)).toEqual([c.unitKey, b.unitKey]);
});

it('a reader also works in the thread of its store', async () => {
  const { store, path } = await openStore();
  const blob = await store.putBytes(Buffer.from('x'));
  const stored = makeResult({ outputs: [blob] });
  store.putResult(stored);
  await store.flush();
  const reader = StoreReader.open(path);
  expect(reader.candidates(stored.result.unitKey)).toHaveLength(1);
  const opened = await reader.openBlob(blob.digest);
  expect(opened?.size).toBe(1);
  await opened?.handle.close();
});

/** The order of uses is written when none came for half a second. */
const NOTED_MS = 700;

function startReader(path: string): (call: string, argument?: string) => Promise<unknown> {
  const worker = new Worker(
    `import('${compiled.url('reader.js')}').then(({ StoreReader }) => {
       const { parentPort, workerData } = require('node:worker_threads');
       const reader = StoreReader.open(workerData);
       parentPort.on('message', async ([call, argument]) => {
         let answer = null;
         if (call === 'read') {
           const opened = await reader.openBlob(argument);
           if (opened) answer = (await opened.handle.readFile()).toString();
           await opened?.handle.close();
         } else answer = await reader[call](argument);
         parentPort.postMessage(answer);
       });
     });`,
    { eval: true, workerData: path },
  );
  atEnd(() => worker.terminate());
  return async (call, argument) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window
    worker.postMessage([call, argument]);
    const [answer] = await once(worker, 'message');
    return answer;
  };
}
