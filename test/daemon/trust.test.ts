import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TrustKeeper } from '../../src/daemon/trust/keeper.js';
import { signedBy } from '../../src/daemon/trust/methods.js';
import { Sweeper } from '../../src/daemon/trust/sweep.js';
import type { StoredResult, Taken } from '../../src/pipeline/ports.js';
import { foundMesh, newMember, newNode } from '../identity/support.js';
import { digestOf, hasher } from '../mesh/support.js';
import { attestationBy, makeResult, openStore } from '../store/fixture.js';

const now = () => performance.now();

async function meshOfTwo() {
  const founder = await foundMesh();
  const peer = await newMember(founder.membership);
  const mesh = founder.membership.meshId;
  const signed = (unit: string, blob: StoredResult['result']['stdout']): StoredResult => {
    const attestations = [{ ...attestationBy(peer.key.nodeId), mesh }];
    return makeResult({ unit, outputs: [blob], attestations, origin: 'peer' });
  };
  return { founder, peer, signed };
}

describe('who is believed', () => {
  it('is known from the node’s files before its mesh is open', async () => {
    const { founder, peer, signed } = await meshOfTwo();
    const theirs = signed('a', { digest: digestOf('x'), size: 1 });
    const before = await TrustKeeper.open(founder.dir, 'any-member');
    expect(before.keeping(theirs)).toBeUndefined();
    founder.membership.recall({ kind: 'node', id: peer.key.nodeId });
    const after = await TrustKeeper.open(founder.dir, 'any-member');
    expect(after.keeping(theirs)).toMatchObject({ reason: 'recall', change: { input: 'recall' } });
    expect(after.taking(theirs)?.reason).toBe('recall');
    // What was open before learns it from the mesh.
    before.update(founder.membership.trustFacts());
    expect(before.keeping(theirs)?.reason).toBe('recall');
  });

  it('is in no mesh whoever was, unless the policy asks who it is, and no peer any more', async () => {
    const { signed } = await meshOfTwo();
    const theirs = signed('a', { digest: digestOf('x'), size: 1 });
    const { dir } = await newNode();
    const open = await TrustKeeper.open(dir, 'any-member');
    expect(open.keeping(theirs)).toBeUndefined();
    const strict = await TrustKeeper.open(dir, 'role:ci');
    expect(strict.keeping(theirs)?.reason).toBe('policy');
    expect(strict.keeping({ ...theirs, origin: 'own' })).toBeUndefined();
    for (const alone of [open, strict]) expect(alone.taking(theirs)?.reason).toBe('policy');
  });

  it('is nobody but this node while its roster cannot be read', async () => {
    const { founder, signed } = await meshOfTwo();
    writeFileSync(join(founder.dir, 'roster.json'), 'damaged');
    const keeper = await TrustKeeper.open(founder.dir, 'any-member');
    const theirs = signed('a', { digest: digestOf('x'), size: 1 });
    expect(keeper.keeping(theirs)?.reason).toBe('policy');
    expect(keeper.taking(theirs)?.reason).toBe('policy');
    expect(keeper.keeping({ ...theirs, origin: 'own' })).toBeUndefined();
  });
});

describe('a recall', () => {
  it('drops what the store holds of it, once, and nothing else', async () => {
    const { founder, peer, signed } = await meshOfTwo();
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('content'));
    const [theirs, own] = [signed('theirs', blob), makeResult({ unit: 'own', outputs: [blob] })];
    for (const stored of [theirs, own]) store.putResult(stored);
    const sweeper = new Sweeper(store, now);
    const keeper = await TrustKeeper.open(founder.dir, 'any-member');
    expect(await sweeper.sweep(keeper.current!)).toBe(0);
    founder.membership.recall({ kind: 'node', id: peer.key.nodeId });
    keeper.update(founder.membership.trustFacts());
    expect(await sweeper.sweep(keeper.current!)).toBe(1);
    expect(store.resultsOf(theirs.result.resultKey)).toEqual([]);
    expect(store.resultsOf(own.result.resultKey)).toHaveLength(1);
    // The store is not looked through again for the same recalls.
    store.putResult(theirs);
    expect(await new Sweeper(store, now).sweep(keeper.current!)).toBe(0);
    founder.membership.recall({ kind: 'toolchain', id: own.result.toolchain });
    keeper.update(founder.membership.trustFacts());
    expect(await sweeper.sweep(keeper.current!)).toBe(2);
    expect(store.stats().results).toBe(0);
  });

  it('is taken up again by the next start when the node stops in the middle', async () => {
    const { founder } = await meshOfTwo();
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('content'));
    for (let n = 0; n < 20; n++) store.putResult(makeResult({ unit: `u${n}`, outputs: [blob] }));
    founder.membership.recall({ kind: 'toolchain', id: makeResult().result.toolchain });
    const { current } = await TrustKeeper.open(founder.dir, 'any-member');
    let ms = 0;
    const first = new Sweeper(store, () => (ms += 5));
    const sweeping = first.sweep(current!);
    await new Promise((resolve) => setImmediate(resolve));
    await first.stop();
    const dropped = await sweeping;
    expect(dropped).toBeLessThan(20);
    expect(await new Sweeper(store, now).sweep(current!)).toBe(20 - dropped);
  });

  it('is not done before the disk takes it', async () => {
    const { founder } = await meshOfTwo();
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('content'));
    store.putResult(makeResult({ outputs: [blob] }));
    founder.membership.recall({ kind: 'toolchain', id: makeResult().result.toolchain });
    const { current } = await TrustKeeper.open(founder.dir, 'any-member');
    const problems: string[] = [];
    const flush = store.flush.bind(store);
    store.flush = async () => false;
    const sweeper = new Sweeper(store, now, ({ code }) => {
      problems.push(code);
      store.flush = flush;
    });
    expect(await sweeper.sweep(current!)).toBe(1);
    expect(problems).toEqual(['VRIFT_STORE_FULL']);
    // What cannot be written before the node stops is begun anew at its next start.
    store.flush = async () => false;
    founder.membership.recall({ kind: 'node', id: 'a'.repeat(52) });
    const later = await TrustKeeper.open(founder.dir, 'any-member');
    const ending = sweeper.sweep(later.current!);
    setTimeout(() => void sweeper.stop(), 50);
    await expect(ending).rejects.toThrow();
    store.flush = flush;
  });

  it('does not hold up calls while it looks through the store', async () => {
    const { founder } = await meshOfTwo();
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('content'));
    for (let n = 0; n < 300; n++) store.putResult(makeResult({ unit: `u${n}`, outputs: [blob] }));
    founder.membership.recall({ kind: 'toolchain', id: makeResult().result.toolchain });
    const keeper = await TrustKeeper.open(founder.dir, 'any-member');
    let turns = 0;
    let counting = setImmediate(function count() {
      turns++;
      counting = setImmediate(count);
    });
    const dropped: number[] = [];
    const drop = store.dropResult.bind(store);
    store.dropResult = (...which) => {
      dropped.push(turns);
      drop(...which);
    };
    // A clock that is five milliseconds further at every look: a turn after each result.
    let ms = 0;
    expect(await new Sweeper(store, () => (ms += 5)).sweep(keeper.current!)).toBe(300);
    clearImmediate(counting);
    expect(new Set(dropped).size).toBeGreaterThan(100);
  });
});

describe('what no recall reaches', () => {
  it('is told by path, as far as the bytes still lie there', async () => {
    const { founder, peer } = await meshOfTwo();
    const node = peer.key.nodeId;
    const digest = hasher.hash('bytes');
    const about = { unit: 'leaf', key: digestOf('key'), signers: [node], at: 5, digest };
    const files: Record<string, string> = { '/t/same': 'bytes', '/t/other': 'else', '/t/out': '' };
    const taken: [string, Taken][] = [
      ['/t/same', about],
      ['/t/other', about],
      ['/t/gone', about],
      ['/t/out', { ...about, unit: 'sys', at: 7, digest: null }],
      ['/t/replaced', { ...about, digest: null, signers: [] }],
    ];
    const ask = (name: string, unit?: string) =>
      signedBy(name, unit, {
        mesh: { members: async () => founder.membership.members() },
        taken,
        digest: async (path) => hasher.hash(files[path]!),
        exists: (path) => path in files,
      });
    const [script, library] = [
      { unit: 'sys', path: '/t/out', key: about.key, at: 7 },
      { unit: 'leaf', path: '/t/same', key: about.key, at: 5 },
    ];
    expect(await ask(node)).toEqual([script, library]);
    expect(await ask(node.slice(0, 12), 'leaf')).toEqual([library]);
    expect(await ask(founder.key.nodeId)).toEqual([]);
    await expect(ask('nobody')).rejects.toThrow(/no member/);
  });
});
