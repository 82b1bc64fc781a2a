import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { encodeBlocks } from '../../src/wire/blocks.js';
import { until } from '../harness/programs.js';
import {
  connected,
  digestOf,
  expectNothingLeft,
  type Member,
  makeUnit,
  newMesh,
  startNode,
  startRogue,
  type Unit,
} from './support.js';

interface Pace {
  /** Of each write. */
  bytes: number;
  everyMs: number;
}

/** Some 330 kB a second. */
const SLOW: Pace = { bytes: 64 * 1024, everyMs: 200 };
/** Never silent for long enough to have stalled. */
const DRIPPING: Pace = { bytes: 1, everyMs: 300 };

function send(response: ServerResponse, content: Buffer, pace: Pace): void {
  response.writeHead(200, { 'content-length': content.length });
  let at = 0;
  const timer = setInterval(() => {
    response.write(content.subarray(at, at + pace.bytes));
    at += pace.bytes;
    if (at < content.length) return;
    clearInterval(timer);
    response.end();
  }, pace.everyMs);
  response.once('close', () => clearInterval(timer));
}

/** A peer that streams large blobs at that pace, which may change, and gives small ones at once. */
async function besideSlow(slow: Member, pace: Pace, units: readonly Unit[]) {
  const contents = new Map<string, Buffer>(
    units.flatMap((unit) => unit.contents).map((bytes) => [digestOf(bytes), bytes]),
  );
  const asked = { streams: 0 };
  const address = await startRogue(slow, (request, response, body) => {
    if (request.url === '/v1/blobs') {
      const digests: string[] = JSON.parse(body).digests;
      response.end(encodeBlocks(digests.map((digest) => contents.get(digest))));
      return true;
    }
    const [, digest] = request.url?.split('/v1/blob/') ?? [];
    if (digest === undefined) return false;
    asked.streams += 1;
    send(response, contents.get(digest)!, pace);
    return true;
  });
  return { address, asked };
}

describe('a holder that is too slow for what is asked of it', () => {
  it('is given up before the time is over, then asked for what it can give in time', async () => {
    const [ours, slow] = (await newMesh(2)) as [Member, Member];
    const large = makeUnit('large', [randomBytes(20_000_000)]);
    const small = makeUnit('small', [Buffer.from('small')]);
    const { address, asked } = await besideSlow(slow, SLOW, [large, small]);
    const node = await startNode(ours, { config: { peers: [address] } });
    await connected(node);
    const fetch = (unit: Unit, deadlineMs: number) =>
      node.node.fetch({ holders: [slow.key.nodeId] }, unit.need, { deadlineMs });
    const began = performance.now();
    expect(await fetch(large, 20_000)).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(asked.streams).toBe(1);
    expect(await fetch(large, 20_000)).toBeUndefined();
    expect(asked.streams).toBe(1);
    expectNothingLeft(node);
    expect((await fetch(small, 2_000))?.bytes).toBe(5);
    // It is slow, and neither hung nor wrong.
    const judged = node.events.filter(({ kind }) => kind === 'peer-fault' || kind === 'reachable');
    expect(judged).toEqual([{ kind: 'reachable', reachable: true }]);
  });

  it('is given up where it sends a byte now and then', async () => {
    const [ours, slow] = (await newMesh(2)) as [Member, Member];
    const unit = makeUnit('dripping', [randomBytes(1_000_000)]);
    const { address } = await besideSlow(slow, DRIPPING, [unit]);
    const node = await startNode(ours, { config: { peers: [address] } });
    await connected(node);
    const began = performance.now();
    const holders = [slow.key.nodeId];
    expect(await node.node.fetch({ holders }, unit.need, { deadlineMs: 20_000 })).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(10_000);
    expectNothingLeft(node);
  });

  it('is continued by another', async () => {
    const [ours, slow, quick] = (await newMesh(3)) as [Member, Member, Member];
    const content = randomBytes(5_000_000);
    const unit = makeUnit('continued', [content]);
    const { address } = await besideSlow(slow, SLOW, [unit]);
    const sound = await startNode(quick);
    sound.shelf.put(quick, unit);
    const node = await startNode(ours, { config: { peers: [address, sound.address] } });
    await connected(node, 2);
    const holders = [slow.key.nodeId, quick.key.nodeId];
    const fetched = await node.node.fetch({ holders }, unit.need, { deadlineMs: 6_000 });
    expect(readFileSync(fetched!.files.get(digestOf(content))!).equals(content)).toBe(true);
    expect(fetched?.from).toBe(quick.key.nodeId);
    const given = node.node.peers().find(({ node: id }) => id === slow.key.nodeId)!.bytesIn;
    expect(given).toBeGreaterThan(0);
  });

  it('is not judged where nobody waits, and what comes then tells others all the same', async () => {
    const [ours, slow] = (await newMesh(2)) as [Member, Member];
    const content = randomBytes(1_000_000);
    const ahead = makeUnit('ahead', [content]);
    const wanted = makeUnit('wanted', [randomBytes(1_000_000)]);
    const pace = { ...DRIPPING };
    const { address, asked } = await besideSlow(slow, pace, [ahead, wanted]);
    const node = await startNode(ours, { config: { peers: [address] } });
    await connected(node);
    const fetch = (unit: Unit, deadlineMs: number) =>
      node.node.fetch({ holders: [slow.key.nodeId] }, unit.need, { deadlineMs });
    const coming = fetch(ahead, 120_000);
    await until('a judgement', async () => {
      const before = asked.streams;
      const fetched = await fetch(wanted, 2_000);
      return fetched === undefined && asked.streams === before;
    });
    const before = asked.streams;
    expect(await fetch(wanted, 60_000)).toBeUndefined();
    expect(asked.streams).toBe(before);
    pace.bytes = content.length;
    const fetched = await coming;
    expect(readFileSync(fetched!.files.get(digestOf(content))!).equals(content)).toBe(true);
  });
});
