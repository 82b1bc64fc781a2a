import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import { encodeBlocks } from '../../src/wire/blocks.js';
import { until } from '../harness/programs.js';
import { newMember } from '../identity/support.js';
import {
  connected,
  digestOf,
  expectNothingLeft,
  helloOf,
  type Member,
  makeUnit,
  newMesh,
  type Running,
  Shelf,
  startNode,
  startRogue,
  type Unit,
  vouchedFor,
  within,
} from './support.js';

type Found = ReturnType<typeof vouchedFor>;
type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => boolean;

/** A node that knows one member, which answers as the test says. */
async function besideRogue(
  make: (rogue: Member, all: Member[]) => Answer,
): Promise<{ victim: Running; rogue: Member }> {
  const members = await newMesh(3);
  const [ours, rogue] = members as [Member, Member];
  const address = await startRogue(rogue, make(rogue, members));
  const victim = await startNode(ours, { config: { peers: [address] } });
  await connected(victim);
  return { victim, rogue };
}

const finds =
  (answer: (unitKeys: Digest[]) => unknown): Answer =>
  (request, response, body) => {
    if (request.url !== '/v1/find') return false;
    response.end(JSON.stringify(answer(JSON.parse(body).unitKeys)));
    return true;
  };

const faults = ({ events }: Running) => events.filter(({ kind }) => kind === 'peer-fault');

describe('a peer that lies about results', () => {
  const unit = makeUnit('honest', [Buffer.from('rlib')]);
  const other = makeUnit('other', [Buffer.from('rlib of another')]);
  const change = (found: Found, part: Partial<Found>): Found => ({ ...found, ...part });
  const lies: Record<string, (rogue: Member, all: Member[]) => Found> = {
    'a result of another key': (rogue) => vouchedFor(rogue, other),
    'a manifest that the result does not name': (rogue) =>
      change(vouchedFor(rogue, unit), { manifest: other.manifest }),
    'a result that was not signed': (rogue) =>
      change(vouchedFor(rogue, unit), { result: { ...unit.result, crateName: 'evil' } }),
    'a result key of its own choice': (rogue) =>
      vouchedFor(rogue, { ...unit, result: { ...unit.result, resultKey: digestOf('mine') } }),
    'an attestation with another signer written on it': (rogue, all) => {
      const found = vouchedFor(rogue, unit);
      const signer = all[2]!.key.nodeId;
      return change(found, { attestations: [{ ...found.attestations[0]!, signer }] });
    },
    'a result from a warm state': (rogue) =>
      vouchedFor(rogue, makeUnit('honest', [Buffer.from('rlib')], { class: 'warm' })),
    'two outputs of one role': (rogue) => {
      const outputs = [unit.result.outputs[0]!, unit.result.outputs[0]!];
      return vouchedFor(rogue, { ...unit, result: { ...unit.result, outputs } });
    },
    'messages of a gigabyte': (rogue) => {
      const stderr = { digest: digestOf('x'), size: 2 ** 30 };
      return vouchedFor(rogue, { ...unit, result: { ...unit.result, stderr } });
    },
    'a dep-info file of a gigabyte': (rogue) => {
      const output = { ...unit.result.outputs[0]!, role: 'dep-info' as const, size: 2 ** 30 };
      return vouchedFor(rogue, { ...unit, result: { ...unit.result, outputs: [output] } });
    },
    'an output that climbs out': (rogue) => {
      const outputs = [{ ...unit.result.outputs[0]!, role: 'dwo:../../x' as const }];
      return vouchedFor(rogue, { ...unit, result: { ...unit.result, outputs } });
    },
  };
  for (const [name, lie] of Object.entries(lies)) {
    it(`is not believed: ${name}`, async () => {
      const { victim } = await besideRogue((rogue, all) => {
        const found = lie(rogue, all);
        return finds(() => ({ found: [[found]] }));
      });
      expect(await victim.node.find(unit.unitKey, within)).toEqual([]);
      expect(faults(victim)).toMatchObject([{ code: 'VRIFT_PEER_INVALID' }]);
      expect(victim.node.reachable).toBe(false);
    });
  }

  it('is asked again after a pause, and left alone for longer the second time', async () => {
    let asked = 0;
    const { victim } = await besideRogue(() =>
      finds(() => {
        asked += 1;
        return { found: 'nonsense' };
      }),
    );
    await victim.node.find(unit.unitKey, within);
    expect(await victim.node.find(unit.unitKey, within)).toEqual([]);
    expect(asked).toBe(1);
    await until('the end of the pause', () => victim.node.reachable, 3_000);
    await victim.node.find(unit.unitKey, within);
    expect(asked).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(victim.node.reachable).toBe(false);
  });

  it('with another number of answers than keys, or far too much, gives nothing', async () => {
    for (const found of [
      [],
      [[], []],
      [Array.from({ length: 20 }, () => ({}))],
      'x'.repeat(9_000_000),
    ]) {
      const { victim } = await besideRogue(() => finds(() => ({ found })));
      expect(await victim.node.find(unit.unitKey, within)).toEqual([]);
      expect(faults(victim)).toHaveLength(1);
    }
  });

  it('is no liar when a newer member vouches whom this node does not know yet', async () => {
    const [ours, founder] = (await newMesh(2)).toReversed() as [Member, Member];
    const newcomer = await newMember(founder.membership);
    const found = vouchedFor(newcomer, unit);
    const address = await startRogue(founder, (request, response, body) => {
      if (request.url !== '/v1/hello')
        return finds(() => ({ found: [[found]] }))(request, response, body);
      const roster = ours.membership.rosterDigest();
      response.end(JSON.stringify({ ...helloOf(founder), roster }));
      return true;
    });
    const victim = await startNode(ours, { config: { peers: [address] } });
    await connected(victim);
    expect(await victim.node.find(unit.unitKey, within)).toEqual([]);
    expect(faults(victim)).toEqual([]);
  });
});

describe('a peer that sends other bytes than it announced', () => {
  const small = makeUnit('small', [Buffer.from('contents')]);
  const content = randomBytes(900_000);
  const large = makeUnit('large', [content]);
  const honest = (rogue: Member, unit: Unit) =>
    finds(() => ({ found: [[vouchedFor(rogue, unit)]] }));

  async function fetchFrom(unit: Unit, path: string, send: (response: ServerResponse) => void) {
    const { victim } = await besideRogue((rogue) => (request, response, body) => {
      if (!request.url?.startsWith(path)) return honest(rogue, unit)(request, response, body);
      send(response);
      return true;
    });
    const [candidate] = await victim.node.find(unit.unitKey, within);
    const began = performance.now();
    const fetched = await victim.node.fetch(candidate!, unit.need, within);
    expectNothingLeft(victim);
    return { victim, fetched, ms: performance.now() - began };
  }

  const wrong: Record<string, [Unit, string, (response: ServerResponse) => void]> = {
    'wrong small bytes': [
      small,
      '/v1/blobs',
      (response) => response.end(encodeBlocks([Buffer.from('CONTENTS')])),
    ],
    'too many small bytes': [
      small,
      '/v1/blobs',
      (response) => response.end(encodeBlocks([Buffer.from('contents and more')])),
    ],
    'broken framing': [small, '/v1/blobs', (response) => response.end('ab')],
    'more blocks than asked for': [
      small,
      '/v1/blobs',
      (response) => response.end(encodeBlocks([undefined, undefined])),
    ],
    'wrong large bytes': [
      large,
      '/v1/blob/',
      (response) =>
        response
          .writeHead(200, { 'content-length': content.length })
          .end(Buffer.alloc(content.length)),
    ],
    'another announced length': [
      large,
      '/v1/blob/',
      (response) => response.writeHead(200, { 'content-length': 5 }).end('12345'),
    ],
    'a stream without end': [
      large,
      '/v1/blob/',
      (response) => {
        const timer = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
        response.once('close', () => clearInterval(timer));
      },
    ],
  };
  for (const [name, [unit, path, send]] of Object.entries(wrong)) {
    it(`is a miss that leaves nothing: ${name}`, async () => {
      const { victim, fetched } = await fetchFrom(unit, path, send);
      expect(fetched).toBeUndefined();
      expect(faults(victim)).toMatchObject([{ code: 'VRIFT_PEER_INVALID' }]);
    });
  }

  it('or dies in the middle, is a miss that leaves nothing', async () => {
    const { fetched } = await fetchFrom(large, '/v1/blob/', (response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000), () => response.destroy());
    });
    expect(fetched).toBeUndefined();
  });

  it('or stalls, costs the stall time and no more', async () => {
    const { fetched, ms } = await fetchFrom(large, '/v1/blob/', (response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000));
    });
    expect(fetched).toBeUndefined();
    expect(ms).toBeLessThan(2_000);
  });

  it.each([
    ['dies', (response: ServerResponse) => response.destroy()],
    ['stalls', () => undefined],
  ])('is continued by another holder when it %s', async (_name, end) => {
    const [ours, bad, good] = (await newMesh(3)) as [Member, Member, Member];
    const ranges: string[] = [];
    const found = { found: [[vouchedFor(good, large)]] };
    const badAddress = await startRogue(bad, (request, response, body) => {
      if (!request.url?.startsWith('/v1/blob/')) return finds(() => found)(request, response, body);
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 300_000), () => setTimeout(() => end(response), 100));
      return true;
    });
    const goodAddress = await startRogue(good, (request, response, body) => {
      if (!request.url?.startsWith('/v1/blob/')) return finds(() => found)(request, response, body);
      ranges.push(request.headers.range ?? 'none');
      const start = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const rest = content.subarray(start);
      response.writeHead(start > 0 ? 206 : 200, {
        'content-length': rest.length,
        'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
      });
      response.end(rest);
      return true;
    });
    const victim = await startNode(ours, { config: { peers: [badAddress, goodAddress] } });
    await connected(victim, 2);
    const holders = [bad.key.nodeId, good.key.nodeId];
    const fetched = await victim.node.fetch({ holders }, large.need, within);
    expect(readFileSync(fetched!.files.get(digestOf(content))!).equals(content)).toBe(true);
    expect(ranges).toEqual(['bytes=300000-']);
    expect(fetched?.from).toBe(good.key.nodeId);
  });

  it('is replaced by a sound holder when it sends wrong bytes', async () => {
    const [ours, bad, good] = (await newMesh(3)) as [Member, Member, Member];
    const badAddress = await startRogue(bad, (request, response) => {
      if (!request.url?.startsWith('/v1/blob')) return false;
      const lie = Buffer.alloc(content.length);
      response.writeHead(200, { 'content-length': lie.length }).end(lie);
      return true;
    });
    const shelf = new Shelf();
    shelf.put(good, large);
    const sound = await startNode(good, { shelf });
    const victim = await startNode(ours, { config: { peers: [badAddress, sound.address] } });
    await connected(victim, 2);
    const holders = [bad.key.nodeId, good.key.nodeId];
    const fetched = await victim.node.fetch({ holders }, large.need, within);
    expect(fetched?.from).toBe(good.key.nodeId);
    expect(faults(victim)).toHaveLength(1);
  });
});

describe('a peer that is not what it should be', () => {
  it('is incompatible when it speaks another protocol, and is never asked', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const paths = new Set<string | undefined>();
    const address = await startRogue(other, (request, response) => {
      paths.add(request.url);
      response.end(JSON.stringify({ version: '9.0.0', protocol: 9, new: 'fields' }));
      return true;
    });
    const victim = await startNode(ours, { config: { peers: [address] } });
    await until('a verdict', () => victim.node.peers()[0]?.state === 'incompatible');
    expect(victim.node.peers()[0]).toMatchObject({ version: '9.0.0', node: other.key.nodeId });
    expect(victim.node.reachable).toBe(false);
    expect(await victim.node.find(digestOf('x'), within)).toEqual([]);
    expect([...paths]).toEqual(['/v1/hello']);
    expect(faults(victim)).toMatchObject([{ code: 'VRIFT_PEER_PROTOCOL' }]);
  });

  it('is refused when it greets as somebody else', async () => {
    const [ours, other, third] = (await newMesh(3)) as [Member, Member, Member];
    const address = await startRogue(other, (_request, response) => {
      response.end(JSON.stringify(helloOf(third)));
      return true;
    });
    const victim = await startNode(ours, { config: { peers: [address] } });
    await until('a verdict', () => faults(victim).length > 0);
    expect(victim.node.state().mesh?.connected).toBe(0);
  });

  it('is refused when its roster is none', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const address = await startRogue(other, (request, response) => {
      if (request.url === '/v1/roster') response.end(encodeBlocks([Buffer.from('{}')]));
      else response.end(JSON.stringify({ ...helloOf(other), roster: 'newer' }));
      return true;
    });
    const victim = await startNode(ours, { config: { peers: [address] } });
    await until('a verdict', () => faults(victim).length > 0);
    expect(victim.node.members()).toHaveLength(2);
  });

  it('is no peer when it is no member', async () => {
    const [ours] = (await newMesh(1)) as [Member];
    const [stranger] = (await newMesh(1)) as [Member];
    const address = await startRogue(stranger, () => false);
    const victim = await startNode(ours, { config: { peers: [address] } });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(victim.node.peers()).toEqual([]);
  });
});
