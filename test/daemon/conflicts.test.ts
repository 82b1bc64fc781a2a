import { describe, expect, it } from 'vitest';
import type { Result } from '../../src/base/result.js';
import { resultDigestOf } from '../../src/base/resultDigest.js';
import { Conflicts } from '../../src/daemon/trust/conflicts.js';
import { trustIn } from '../../src/identity/trust.js';
import type { ConflictsPort } from '../../src/pipeline/ports.js';
import { foundMesh, newMember } from '../identity/support.js';
import { hasher, makeUnit } from '../mesh/support.js';
import { attestationBy, openStore } from '../store/fixture.js';

type Seen = Parameters<ConflictsPort['saw']>[0][number];

async function fixture() {
  const founder = await foundMesh();
  const peer = await newMember(founder.membership);
  const { store, path } = await openStore();
  const news: string[] = [];
  let clock = 100;
  const open = (table: ReturnType<typeof store.table>) =>
    new Conflicts({
      table: table as never,
      hasher,
      now: () => clock++,
      trust: () => trustIn(founder.membership.trustFacts(), 'any-member'),
      onNew: (unit) => news.push(unit),
    });
  const mesh = founder.membership.meshId;
  const signed = (text: string, change: Partial<Result> = {}): Seen => {
    const { result } = makeUnit('leaf', [Buffer.from(text)], change);
    const attestations = [{ ...attestationBy(peer.key.nodeId), mesh, at: 7 }];
    return { result, resultDigest: resultDigestOf(result, hasher), attestations, origin: 'peer' };
  };
  const own = (text: string, change: Partial<Result> = {}): Seen => {
    return { ...signed(text, change), attestations: [], origin: 'own' };
  };
  const reopen = async () => {
    await store.close();
    return (await openStore({ path })).store;
  };
  return { founder, peer, store, reopen, news, open, signed, own };
}

describe('conflicts', () => {
  it('are results of one key that differ, with who signed which, kept over a restart', async () => {
    const { founder, peer, store, reopen, news, open, signed, own } = await fixture();
    const conflicts = open(store.table('conflicts', { maxEntries: 10 }));
    const [mine, theirs] = [own('mine'), signed('theirs')];
    for (let times = 0; times < 3; times++) conflicts.saw([mine, theirs]);
    expect(news).toEqual(['leaf']);
    const told = [
      {
        key: mine.result.resultKey,
        unitKey: mine.result.unitKey,
        unit: 'leaf',
        target: mine.result.target,
        at: 100,
        results: [
          {
            digest: mine.resultDigest,
            signers: [{ node: founder.key.nodeId, name: 'founder', at: null }],
          },
          {
            digest: theirs.resultDigest,
            signers: [
              { node: peer.key.nodeId, name: `node-${peer.key.nodeId.slice(0, 4)}`, at: 7 },
            ],
          },
        ],
      },
    ];
    expect(conflicts.list()).toEqual(told);
    const again = open((await reopen()).table('conflicts', { maxEntries: 10 }));
    expect(again.list()).toEqual(told);
    // Whoever comes alone, later, joins them.
    again.saw([signed('a third thing')]);
    expect(again.list()[0]!.results).toHaveLength(3);
  });

  it('are none where one digest, another class or another terminal’s messages are by right', async () => {
    const { store, open, signed, own } = await fixture();
    const conflicts = open(store.table('conflicts', { maxEntries: 10 }));
    const other = makeUnit('x', []).result.unitKey;
    conflicts.saw([own('same'), signed('same', { compileMs: 9 })]);
    conflicts.saw([own('one'), signed('two', { class: 'incremental' })]);
    conflicts.saw([own('one', { messages: other }), signed('two')]);
    conflicts.saw([own('one')]);
    expect(conflicts.list()).toEqual([]);
  });

  it('are none where nobody can tell the results apart: archives hold random names', async () => {
    const { store, open, signed, own } = await fixture();
    const conflicts = open(store.table('conflicts', { maxEntries: 10 }));
    const seen = [own('one'), signed('two')].map((one) => {
      const outputs = one.result.outputs.map((output) => ({
        ...output,
        identity: one.result.unitKey,
      }));
      const result = { ...one.result, outputs };
      return { ...one, result, resultDigest: resultDigestOf(result, hasher) };
    });
    conflicts.saw(seen);
    expect(conflicts.list()).toEqual([]);
  });

  it('hold no more than their bounds', async () => {
    const { store, open, signed } = await fixture();
    const conflicts = open(store.table('conflicts', { maxEntries: 10 }));
    conflicts.saw(Array.from({ length: 40 }, (_, at) => signed(`made ${at}`)));
    expect(conflicts.list()[0]!.results).toHaveLength(16);
  });
});
