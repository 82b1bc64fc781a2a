import { describe, expect, it } from 'vitest';
import { resultDigestOf } from '../../src/base/resultDigest.js';
import type { TrustFacts } from '../../src/identity/trustFacts.js';
import { until } from '../harness/programs.js';
import { foundMesh, newMember } from '../identity/support.js';
import {
  connected,
  hasher,
  type Member,
  makeUnit,
  newMesh,
  startMesh,
  startNode,
  startRogue,
  vouchedFor,
  within,
} from './support.js';

const unit = makeUnit('judged', [Buffer.from('rlib')]);

describe('who vouches for a result', () => {
  it('is nobody who only reads, neither by its own word nor by a relayed one', async () => {
    const founder = await foundMesh();
    const [ours, reader] = [
      await newMember(founder.membership),
      await newMember(founder.membership, 'reader'),
    ];
    for (const one of [ours, reader]) one.membership.merge(founder.membership.statements());
    const holder = await startNode(reader);
    holder.shelf.put(reader, unit);
    const node = await startNode(ours, { config: { peers: [holder.address] } });
    await connected(node);
    expect(await node.node.find(unit.unitKey, within)).toEqual([]);
    expect(node.events.filter(({ kind }) => kind === 'peer-fault')).toEqual([]);
    const { resultKey } = unit.result;
    const own = { resultKey, resultDigest: resultDigestOf(unit.result, hasher) };
    expect(holder.node.vouch(vouchedFor(reader, unit).attestations, own)).toEqual([]);
    expect(node.node.vouch([], own)).toHaveLength(1);
  });

  it('is waited for until a quorum is there', async () => {
    const [ours, fast, slow] = (await newMesh(3)) as [Member, Member, Member];
    const sound = await startNode(fast);
    sound.shelf.put(fast, unit);
    const told = JSON.stringify({ found: [[vouchedFor(slow, unit)]] });
    const slowAddress = await startRogue(slow, (request, response) => {
      if (request.url !== '/v1/find') return false;
      setTimeout(() => response.end(told), 300);
      return true;
    });
    const peers = [sound.address, slowAddress];
    const node = await startNode(ours, { policy: 'quorum:2', config: { peers } });
    await connected(node, 2);
    const [candidate] = await node.node.find(unit.unitKey, within);
    const signers = candidate!.attestations.map(({ signer }) => signer);
    expect(signers.toSorted()).toEqual([fast.key.nodeId, slow.key.nodeId].toSorted());
  });
});

describe('a recall', () => {
  it('reaches whoever is connected, who tells its node and vouches for that no more', async () => {
    const told: (TrustFacts | undefined)[] = [];
    const [founder, signer] = (await newMesh(2)) as [Member, Member];
    const admin = await startNode(founder);
    const node = await startNode(signer, {
      onTrust: (facts) => told.push(facts),
      config: { peers: [admin.address] },
    });
    await connected(node);
    const { resultKey } = unit.result;
    const own = { resultKey, resultDigest: resultDigestOf(unit.result, hasher) };
    const { attestations } = vouchedFor(founder, unit);
    const held = { result: unit.result, attestations, origin: 'own' as const };
    expect(node.node.vouch(attestations, own)).toHaveLength(2);
    expect(node.node.isRecalled(held)).toBe(false);
    expect(() => node.node.recall({ kind: 'node', id: founder.key.nodeId })).toThrow(/no admin/);

    const start = signer.key.nodeId.slice(0, 10);
    const target = { kind: 'node', id: signer.key.nodeId };
    expect(admin.node.recall({ kind: 'node', id: start })).toEqual(target);
    await until('the recall has come', () => told.at(-1)?.recalls.nodes.has(target.id));
    const signers = node.node.vouch(attestations, own).map((one) => one.signer);
    expect(signers).toEqual([founder.key.nodeId]);
    expect(node.node.isRecalled({ ...held, attestations: [] })).toBe(true);
  });

  it('of nobody is refused', async () => {
    const { nodes } = await startMesh(2);
    const [admin] = nodes;
    expect(() => admin!.node.recall({ kind: 'node', id: 'nobody' })).toThrow(/no member/);
  });

  it('is told again when the node starts, and that it is in no mesh when it left', async () => {
    const founder = await foundMesh();
    founder.membership.recall({ kind: 'toolchain', id: unit.result.toolchain });
    const told: (TrustFacts | undefined)[] = [];
    const onTrust = (facts: TrustFacts | undefined) => void told.push(facts);
    const { node } = await startNode(founder, { onTrust });
    expect(told.map((facts) => [...facts!.recalls.toolchains])).toEqual([[unit.result.toolchain]]);
    expect(node.isRecalled({ result: unit.result, attestations: [], origin: 'own' })).toBe(true);
    await node.leave({ force: true });
    expect(told.at(-1)).toBeUndefined();
    expect(node.isRecalled({ result: unit.result, attestations: [], origin: 'own' })).toBe(false);
  });
});
