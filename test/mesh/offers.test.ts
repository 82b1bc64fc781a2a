import { describe, expect, it } from 'vitest';
import type { Held } from '../../src/mesh/offers.js';
import type { Standing } from '../../src/wire/http.js';
import {
  connected,
  digestOf,
  type Member,
  makeUnit,
  newMesh,
  startMesh,
  startNode,
  startRogue,
  type Unit,
  vouchedFor,
  within,
} from './support.js';

const heldOf = ({ unitKey, result }: Unit): Held => ({
  unitKey,
  standing: [result.resultKey, 'incremental', digestOf('mine')],
});

describe('asking one peer for preferred results', () => {
  it('brings those that it says it has, and only those', async () => {
    const { members, nodes } = await startMesh(3);
    const units = ['a', 'b', 'c'].map((name) => makeUnit(name, [Buffer.from(name)]));
    for (const unit of units) nodes[1]!.shelf.put(members[1]!, unit);
    nodes[1]!.shelf.better.add(units[1]!.result.resultKey);
    const { node } = nodes[0]!;
    const offers = await node.offers(nodes[1]!.node.nodeId, units.map(heldOf));
    expect(offers.map(({ result }) => result.crateName)).toEqual(['b']);
    expect(offers[0]!.holders).toEqual([nodes[1]!.node.nodeId]);
    expect(await node.offers(nodes[2]!.node.nodeId, units.map(heldOf))).toEqual([]);
    expect(await node.offers('nobody', units.map(heldOf))).toEqual([]);
  });

  it('is a few bytes for each result, and no more while nothing is preferred', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const asked: [string, number][] = [];
    const address = await startRogue(other, (request, response, body) => {
      if (request.url === '/v1/hello') return false;
      const { results } = JSON.parse(body) as { results: Standing[] };
      asked.push([request.url!, results.length]);
      expect(body.length).toBeLessThan(200 * results.length);
      response.end(JSON.stringify({ better: [] }));
      return true;
    });
    const { node } = await connectedTo(ours, address);
    const held = Array.from({ length: 300 }, (_each, n) => heldOf(makeUnit(`${n}`, [])));
    expect(await node.offers(other.key.nodeId, held)).toEqual([]);
    expect(asked).toEqual([
      ['/v1/better', 256],
      ['/v1/better', 44],
    ]);
  });

  it('that does not answer holds up no build, and is asked by builds as before', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const unit = makeUnit('found', [Buffer.from('rlib')]);
    const address = await startRogue(other, (request, response) => {
      if (request.url === '/v1/better') return true;
      if (request.url !== '/v1/find') return false;
      response.end(JSON.stringify({ found: [[vouchedFor(other, unit)]] }));
      return true;
    });
    const running = await connectedTo(ours, address);
    const offers = running.node.offers(other.key.nodeId, [heldOf(unit)]);
    expect(await running.node.find(unit.unitKey, within)).toHaveLength(1);
    expect(await offers).toEqual([]);
    expect(running.node.reachable).toBe(true);
    // Nor does it hold up the end of a node.
    const last = running.node.offers(other.key.nodeId, [heldOf(unit)]);
    await running.node.close();
    expect(await last).toEqual([]);
  });

  const unit = makeUnit('honest', [Buffer.from('rlib')]);
  const lies: Record<string, (rogue: Member) => Record<string, unknown>> = {
    'places that were not asked about': () => ({ better: [1] }),
    'what is no place': () => ({ better: [-1] }),
    'a result of another key': (rogue) => ({
      better: [0],
      found: [[vouchedFor(rogue, makeUnit('other', [Buffer.from('rlib')]))]],
    }),
    'a result from a warm state': (rogue) => ({
      better: [0],
      found: [[vouchedFor(rogue, makeUnit('honest', [], { class: 'warm' }))]],
    }),
  };
  for (const [name, lie] of Object.entries(lies)) {
    it(`believes no peer that answers with ${name}`, async () => {
      const [ours, rogue] = (await newMesh(2)) as [Member, Member];
      const address = await startRogue(rogue, (request, response) => {
        if (request.url === '/v1/hello') return false;
        const { better, found } = lie(rogue);
        response.end(JSON.stringify(request.url === '/v1/better' ? { better } : { found }));
        return true;
      });
      const running = await connectedTo(ours, address);
      expect(await running.node.offers(rogue.key.nodeId, [heldOf(unit)])).toEqual([]);
      expect(running.events.map(({ kind }) => kind)).toContain('peer-fault');
    });
  }
});

async function connectedTo(ours: Member, address: string) {
  const running = await startNode(ours, { config: { peers: [address] } });
  await connected(running);
  return running;
}
