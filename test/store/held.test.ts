import { expect, it } from 'vitest';
import { heldOf } from '../../src/daemon/mesh/held.js';
import { StoreReader } from '../../src/store/reader.js';
import { hasher, makeResult, openStore } from './fixture.js';

it('peers are asked for nothing better than what is withheld from them', async () => {
  const { store, path } = await openStore();
  const blob = await store.putBytes(Buffer.from('x'));
  const results = ['secret', 'open'].map((unit) => makeResult({ unit, outputs: [blob] }));
  // Only of libraries does it matter to others which one is used.
  for (const { result } of results) result.outputs[0]!.role = 'rlib';
  for (const result of results) store.putResult(result);
  const keys = results.map(({ result }) => result.resultKey);
  const reader = StoreReader.open(path);
  const held = async (mayTell: () => boolean = () => true) => {
    await store.flush();
    return heldOf(keys, reader, hasher, mayTell).map(({ unitKey }) => unitKey);
  };
  const [secret, open] = results.map(({ result }) => result.unitKey);
  expect(await held()).toEqual([secret, open]);
  store.withhold(secret!);
  expect(await held()).toEqual([open]);
  expect(await held(() => false)).toEqual([]);
  await reader.close();
});
