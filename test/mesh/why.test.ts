import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { choosePeer } from '../../src/mesh/choosePeer.js';
import type { Peer } from '../../src/mesh/peer.js';
import type { ToldOutcome } from '../../src/wire/http.js';
import {
  connected,
  digestOf,
  type Member,
  makeUnit,
  newMesh,
  Shelf,
  startNode,
  startRogue,
  vouchedFor,
} from './support.js';

const TOLD: ToldOutcome = {
  key: digestOf('key'),
  at: 1,
  outcome: 'miss',
  from: 'stored',
  local: [],
  facts: { words: [], named: [] },
};

describe('a peer that is asked why', () => {
  it('tells how units came to be, in as many requests as it takes, and which results it has', async () => {
    const [ours, theirs] = (await newMesh(2)) as [Member, Member];
    const shelf = new Shelf();
    const unit = makeUnit('a', [Buffer.from('x')]);
    const found = vouchedFor(theirs, unit);
    shelf.found.set(unit.unitKey, [found]);
    shelf.told.set('u69', [TOLD]);
    const peer = await startNode(theirs, { shelf, config: { nodeName: 'attic' } });
    const { node } = await startNode(ours, { config: { peers: [peer.address] } });
    await connected({ node } as Parameters<typeof connected>[0]);
    const units = Array.from({ length: 70 }, (_each, index) => `u${index}`);
    const outcomes = await node.why('attic', { kind: 'outcomes', units });
    expect(outcomes).toMatchObject({ node: theirs.key.nodeId, name: 'attic' });
    expect(outcomes.answers.flat()).toEqual([TOLD]);
    expect(outcomes.answers[69]).toEqual([TOLD]);
    const keys = [digestOf('unknown'), unit.unitKey];
    const results = await node.why(theirs.key.nodeId.slice(0, 8), { kind: 'results', keys });
    expect(results.answers).toEqual([[], [found]]);
  });

  const answers: Record<string, [(response: ServerResponse) => void, string]> = {
    'is too old to know the question': [
      (response) => response.writeHead(404).end('{}'),
      'VRIFT_PEER_PROTOCOL',
    ],
    'answers another number of units': [
      (response) => response.end('{"units":[]}'),
      'VRIFT_PEER_INVALID',
    ],
    'answers something else': [
      (response) => response.end('{"units":[[{"key":1}]]}'),
      'VRIFT_PEER_INVALID',
    ],
    'sends more than is agreed': [
      (response) => response.end(`{"units":[[]]}${' '.repeat(5 * 1024 * 1024)}`),
      'VRIFT_PEER_INVALID',
    ],
    'is busy': [(response) => response.writeHead(503).end('{}'), 'VRIFT_PEER_AWAY'],
    'hangs up': [(response) => response.destroy(), 'VRIFT_PEER_AWAY'],
  };
  for (const [what, [answer, code]] of Object.entries(answers)) {
    it(`and ${what} is named so: ${code}`, async () => {
      const [ours, theirs] = (await newMesh(2)) as [Member, Member];
      const rogue = (request: IncomingMessage, response: ServerResponse) => {
        if (request.url !== '/v1/why') return false;
        answer(response);
        return true;
      };
      const address = await startRogue(theirs, rogue);
      const running = await startNode(ours, { config: { peers: [address] } });
      await connected(running);
      const asked = running.node.why(theirs.key.nodeId, { kind: 'outcomes', units: ['a'] });
      await expect(asked).rejects.toMatchObject({ code });
      const punished = running.events.some(({ kind }) => kind === 'peer-fault');
      expect(punished).toBe(code === 'VRIFT_PEER_INVALID');
    });
  }
});

describe('the peer that a person means', () => {
  const peer = (node: string, name: string, more: Partial<Peer> = {}) =>
    ({ node, name, state: 'connected', usable: true, ...more }) as Peer;
  const peers = [
    peer('aaaabbbb', 'attic'),
    peer('aaaacccc', 'cellar'),
    peer('dddd', 'attic 2', { state: 'unreachable', usable: false }),
    peer('eeee', 'old', { state: 'incompatible', usable: false }),
  ];

  it('is known by its name or by how its id begins', () => {
    expect(choosePeer(peers, 'attic').node).toBe('aaaabbbb');
    expect(choosePeer(peers, 'aaaac').node).toBe('aaaacccc');
  });

  it.each([
    ['nobody', 'VRIFT_PEER_UNKNOWN'],
    ['aaa', 'VRIFT_PEER_UNKNOWN'],
    ['aaaa', 'VRIFT_PEER_UNKNOWN'],
    ['dddd', 'VRIFT_PEER_AWAY'],
    ['old', 'VRIFT_PEER_PROTOCOL'],
  ])('is not guessed, nor asked when it cannot answer: %s', (wanted, code) => {
    expect(() => choosePeer(peers, wanted)).toThrow(expect.objectContaining({ code }));
  });
});
