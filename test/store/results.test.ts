import { unlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { attestationBy, makeResult, NOWHERE, named, openStore } from './fixture.js';

describe('results', () => {
  it('come back as they were put, at once and after a restart', async () => {
    const { store, path } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const stored = makeResult({ outputs: [blob], attestations: [attestationBy('n1')] });
    store.putResult(stored);
    expect(store.resultsOf(stored.result.resultKey)).toEqual([stored]);
    await store.close();
    const { store: again } = await openStore({ path });
    expect(again.resultsOf(stored.result.resultKey)).toEqual([stored]);
    expect(again.manifestsOf(stored.result.unitKey)).toEqual([
      { digest: stored.result.manifest, manifest: stored.manifest },
    ]);
    expect(again.check(blob.digest, blob.size)).toBe('ok');
    expect(again.stats()).toEqual(store.stats());
  });

  it('are refused when a blob is missing or has another size', async () => {
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const missing = makeResult({ outputs: [blob, { digest: NOWHERE, size: 1 }] });
    const longer = makeResult({ outputs: [{ ...blob, size: 6 }] });
    for (const bad of [missing, longer]) {
      expect(() => store.putResult(bad)).toThrow('does not hold');
      expect(store.resultsOf(bad.result.resultKey)).toEqual([]);
    }
    expect(store.stats().results).toBe(0);
  });

  it('stand side by side under one key, and equal ones merge their attestations', async () => {
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const own = makeResult({ outputs: [blob], attestations: [attestationBy('n1')] });
    const theirs = makeResult({
      outputs: [blob],
      compileMs: 2,
      origin: 'peer',
      attestations: [attestationBy('n2')],
    });
    const same = { ...own, origin: 'peer' as const, attestations: [attestationBy('n3')] };
    for (const stored of [own, theirs, same]) store.putResult(stored);
    const found = store.resultsOf(own.result.resultKey);
    expect(found).toHaveLength(2);
    const merged = found.find((stored) => stored.resultDigest === own.resultDigest)!;
    expect(merged.attestations.map(({ signer }) => signer)).toEqual(['n1', 'n3']);
    expect(merged.origin).toBe('own');
    expect(store.stats().results).toBe(2);
  });

  it('stay local only as long as nobody vouches that they may leave', async () => {
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const stored = makeResult({ outputs: [blob], localOnly: true });
    store.putResult(stored);
    store.putResult(stored);
    expect(store.resultsOf(stored.result.resultKey)).toMatchObject([{ localOnly: true }]);
    store.putResult({ ...stored, localOnly: false });
    expect(store.resultsOf(stored.result.resultKey)).toMatchObject([{ localOnly: false }]);
  });

  it('stay untried until that very one is used, or compiled here', async () => {
    const { store, path } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const own = makeResult({ outputs: [blob] });
    const theirs = makeResult({ outputs: [blob], compileMs: 2, origin: 'peer' });
    const { resultKey } = own.result;
    const untried = () =>
      store.resultsOf(resultKey).flatMap((stored) => (stored.untried ? [stored.resultDigest] : []));
    store.putResult(own);
    store.putResult({ ...theirs, untried: true });
    store.putResult({ ...theirs, untried: true });
    store.touch(resultKey, own.resultDigest);
    expect(untried()).toEqual([theirs.resultDigest]);
    const before = store.stats();
    store.touch(resultKey, theirs.resultDigest);
    expect(untried()).toEqual([]);
    expect(store.stats()).toMatchObject({ results: before.results, blobs: before.blobs });
    expect(store.stats().bytes).toBeLessThan(before.bytes);
    store.putResult({ ...theirs, untried: true });
    expect(untried()).toEqual([]);
    await store.close();
    const { store: again } = await openStore({ path });
    expect(again.resultsOf(resultKey).filter((stored) => stored.untried)).toEqual([]);
  });

  it('are listed by their last use, the latest first', async () => {
    const { store, path, clock } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const all = Array.from({ length: 2_000 }, (_each, at) =>
      makeResult({ outputs: [blob], inputs: `${at}` }),
    ).map((stored, at) => ({ ...stored, result: { ...stored.result, unitKey: named(`u${at}`) } }));
    for (const stored of all) {
      clock.aheadMs += 1;
      store.putResult(stored);
    }
    const keys = all.map(({ result }) => result.resultKey).toReversed();
    clock.aheadMs += 1;
    store.touch(keys.at(-1)!);
    store.dropResult(keys[1]!, all.at(-2)!.resultDigest);
    const expected = [keys.at(-1)!, keys[0]!, ...keys.slice(2, -1)];
    expect(store.newest(1_500)).toEqual(expected.slice(0, 1_500));
    await store.close();
    const { store: again } = await openStore({ path });
    expect(again.newest(5_000)).toEqual(expected);
  });

  it('cannot give one result key two manifests', async () => {
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const stored = makeResult({ outputs: [blob] });
    store.putResult(stored);
    const other = { ...stored, result: { ...stored.result, manifest: named('other') } };
    expect(() => store.putResult(other)).toThrow('two manifests');
  });

  it('take their blobs with them, but not those that another still names', async () => {
    const { store } = await openStore();
    const [a, b] = [
      await store.putBytes(Buffer.from('only a')),
      await store.putBytes(Buffer.from('shared')),
    ];
    const first = makeResult({ unit: '1', outputs: [a, b] });
    const second = makeResult({ unit: '2', outputs: [b] });
    store.putResult(first);
    store.putResult(second);
    store.dropResult(first.result.resultKey, first.resultDigest);
    expect(store.check(a.digest, a.size)).toBe('gone');
    expect(store.check(b.digest, b.size)).toBe('ok');
    expect(store.manifestsOf(first.result.unitKey)).toEqual([]);
    store.dropResult(second.result.resultKey, second.resultDigest);
    expect(store.stats()).toMatchObject({ bytes: 0, blobs: 0, results: 0 });
  });

  it('are not measured when nothing of their bucket is left', async () => {
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    let measured = 0;
    const results = [1, 2].map((compileMs) => {
      const stored = makeResult({ compileMs, outputs: [blob] });
      const toJSON = () => {
        measured += 1;
        return stored.manifest;
      };
      return { ...stored, manifest: { ...stored.manifest, toJSON } };
    });
    for (const stored of results) store.putResult(stored);
    await store.flush();
    measured = 0;
    for (const { result, resultDigest } of results) {
      store.dropResult(result.resultKey, resultDigest);
      expect(measured).toBe(1);
    }
    expect(store.stats()).toMatchObject({ bytes: 0, blobs: 0, results: 0 });
  });

  it('lists every result that is whole', async () => {
    const { store } = await openStore();
    const [a, b] = [await store.putBytes(Buffer.from('a')), await store.putBytes(Buffer.from('b'))];
    store.putResult(makeResult({ unit: '1', outputs: [a] }));
    store.putResult(makeResult({ unit: '2', outputs: [b] }));
    unlinkSync(store.blobPath(a.digest));
    store.check(a.digest, a.size);
    expect([...store.allResults()].map(({ result }) => result.unitKey)).toEqual([named('unit 2')]);
  });
});

describe('manifests of a unit', () => {
  it('come with the most recently used first, and no more than sixteen', async () => {
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const all = Array.from({ length: 20 }, (_, at) =>
      makeResult({ inputs: String(at), outputs: [blob] }),
    );
    for (const stored of all) store.putResult(stored);
    const unitKey = all[0]!.result.unitKey;
    expect(store.manifestsOf(unitKey).map(({ digest }) => digest)).toEqual(
      all
        .slice(4)
        .toReversed()
        .map(({ result }) => result.manifest),
    );
    expect(store.resultsOf(all[3]!.result.resultKey)).toEqual([]);
    expect(store.stats().results).toBe(16);
    store.touch(all[10]!.result.resultKey);
    expect(store.manifestsOf(unitKey)[0]!.digest).toBe(all[10]!.result.manifest);
    expect(store.manifestsOf(unitKey)).toHaveLength(16);
  });

  it('are empty for an unknown unit', async () => {
    const { store } = await openStore();
    expect(store.manifestsOf(NOWHERE)).toEqual([]);
    expect(store.resultsOf(NOWHERE)).toEqual([]);
  });
});
