import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { NodeProcess } from './processes.js';
import {
  connected,
  digestOf,
  helloOf,
  type Member,
  makeUnit,
  newMesh,
  startMesh,
  startNode,
  startRogue,
  vouchedFor,
  within,
} from './support.js';

describe('asking peers', () => {
  it('sends what is asked in one turn in one request per peer', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const asked: number[] = [];
    const address = await startRogue(other, (request, response, body) => {
      if (request.url !== '/v1/find') return false;
      const { unitKeys } = JSON.parse(body);
      asked.push(unitKeys.length);
      response.end(JSON.stringify({ found: unitKeys.map(() => []) }));
      return true;
    });
    const node = await startNode(ours, { config: { peers: [address] } });
    await connected(node);
    const keys = Array.from({ length: 300 }, (_each, index) => digestOf(`key ${index}`));
    await Promise.all([...keys, keys[0]!].map((key) => node.node.find(key, within)));
    expect(asked.toSorted((a, b) => a - b)).toEqual([44, 256]);
  });

  it('joins what several of them hold of one result', async () => {
    const { members, nodes } = await startMesh(3);
    const unit = makeUnit('shared', [Buffer.from('same')]);
    nodes[1]!.shelf.put(members[1]!, unit);
    nodes[2]!.shelf.put(members[2]!, unit);
    const candidates = await nodes[0]!.node.find(unit.unitKey, within);
    // The second answer is waited for only a moment: it may be missing, never be a second result.
    expect(candidates).toHaveLength(1);
    expect(candidates[0]!.attestations).toHaveLength(candidates[0]!.holders.length);
    await until('both holders', async () => {
      const [candidate] = await nodes[0]!.node.find(unit.unitKey, within);
      return candidate?.holders.length === 2;
    });
  });

  it('does not wait for a slow peer once another has answered', async () => {
    const [ours, slow, fast] = (await newMesh(3)) as [Member, Member, Member];
    const unit = makeUnit('quick', [Buffer.from('rlib')]);
    const slowAddress = await startRogue(slow, (request, response) => {
      if (request.url !== '/v1/find') return false;
      setTimeout(() => response.end(JSON.stringify({ found: [[]] })), 1_000);
      return true;
    });
    const sound = await startNode(fast);
    sound.shelf.put(fast, unit);
    const node = await startNode(ours, { config: { peers: [slowAddress, sound.address] } });
    await connected(node, 2);
    const began = performance.now();
    expect(await node.node.find(unit.unitKey, within)).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('ends when the caller gives up', async () => {
    const { nodes } = await startMesh(2);
    const signal = AbortSignal.abort();
    const unit = makeUnit('gone', [Buffer.from('rlib')]);
    expect(await nodes[0]!.node.find(unit.unitKey, { deadlineMs: 3_000, signal })).toEqual([]);
    const holders = [nodes[1]!.node.nodeId];
    const fetched = nodes[0]!.node.fetch({ holders }, unit.need, { deadlineMs: 3_000, signal });
    expect(await fetched).toBeUndefined();
    expect(nodes[0]!.node.reachable).toBe(true);
  });
});

describe('a peer that does not answer', () => {
  it('costs one deadline, then nothing until it greets again', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    let mute = false;
    const address = await startRogue(other, (request, response) => {
      if (mute) return true;
      if (request.url !== '/v1/find') return false;
      response.end(JSON.stringify({ found: [[vouchedFor(other, unit)]] }));
      return true;
    });
    const unit = makeUnit('late', [Buffer.from('rlib')]);
    const node = await startNode(ours, { config: { peers: [address] } });
    await connected(node);
    mute = true;
    const timed = async () => {
      const began = performance.now();
      await node.node.find(unit.unitKey, { deadlineMs: 100 });
      return performance.now() - began;
    };
    expect(await timed()).toBeGreaterThan(90);
    expect(await timed()).toBeLessThan(20);
    expect(node.events.filter(({ kind }) => kind === 'late')).toEqual([
      { kind: 'late', peers: [other.key.nodeId] },
    ]);
    mute = false;
    await until('another hello', () => node.node.reachable, 10_000);
    expect(await node.node.find(unit.unitKey, within)).toHaveLength(1);
  });

  it('is not taken for hung in haste, and waited for once, until it is quick again', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    let asked = 0;
    let ended = 0;
    let mute = true;
    const address = await startRogue(other, (request, response) => {
      if (request.url !== '/v1/find') return false;
      asked += 1;
      response.on('close', () => {
        ended += 1;
      });
      if (!mute) response.end(JSON.stringify({ found: [[vouchedFor(other, unit)]] }));
      return true;
    });
    const unit = makeUnit('hasty', [Buffer.from('rlib')]);
    const node = await startNode(ours, { config: { peers: [address] } });
    await connected(node);
    const find = (deadlineMs: number, hasty: boolean) =>
      node.node.find(unit.unitKey, { deadlineMs, hasty });
    expect(await find(50, true)).toEqual([]);
    expect(node.node.reachable).toBe(true);
    // Were it waited for, the first request would end before this does.
    expect(await find(1_000_000, true)).toEqual([]);
    expect(ended).toBe(0);
    await until('the second question', () => asked === 2);
    mute = false;
    await until('an answer in haste', async () => (await find(1_000, true)).length === 1);
  });

  it('because its process is stopped, is the same', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const stopped = new NodeProcess(other.dir, { mdns: false, port: 0, host: '127.0.0.1' });
    const port = await until('its port', () => stopped.state?.port);
    const node = await startNode(ours, { config: { peers: [`127.0.0.1:${port}`] } });
    await connected(node);
    stopped.child.kill('SIGSTOP');
    const began = performance.now();
    for (let call = 0; call < 20; call += 1) {
      await node.node.find(digestOf(`unit ${call}`), { deadlineMs: 200 });
    }
    expect(performance.now() - began).toBeLessThan(400);
    await connected(node, 0);
    stopped.child.kill('SIGCONT');
    await connected(node);
  });

  it('to a node that closes, holds nothing up', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const address = await startRogue(other, (request, response) => {
      if (request.url === '/v1/hello') response.end(JSON.stringify(helloOf(other)));
      return true;
    });
    const node = await startNode(ours, { config: { peers: [address] } });
    await connected(node);
    const found = node.node.find(digestOf('x'), { deadlineMs: 10_000 });
    const fetched = node.node.fetch(
      { holders: [other.key.nodeId] },
      [{ digest: digestOf('y'), size: 1 }],
      { deadlineMs: 10_000 },
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    await node.node.close();
    expect(await found).toEqual([]);
    expect(await fetched).toBeUndefined();
  });
});

describe('a peer that says hello in time and answers late', () => {
  /** What it is asked, and how long its answers take from now on. */
  async function besideLate(delayMs: number) {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const unit = makeUnit('late', [Buffer.from('rlib')]);
    const late = { delayMs, asked: 0, answered: 0 };
    const address = await startRogue(other, (request, response) => {
      if (request.url !== '/v1/find') return false;
      late.asked += 1;
      const answer = () => {
        late.answered += 1;
        response.end(JSON.stringify({ found: [[vouchedFor(other, unit)]] }));
      };
      setTimeout(answer, late.delayMs).unref();
      return true;
    });
    const { node } = await startNode(ours, { config: { peers: [address] } });
    await until('a hello', () => node.reachable);
    const find = (deadlineMs: number, key = unit.unitKey) => node.find(key, { deadlineMs });
    const timed = async (deadlineMs: number) => {
      const began = performance.now();
      expect(await find(deadlineMs)).toEqual([]);
      return performance.now() - began;
    };
    return { node, late, find, timed };
  }

  it('is not waited for by who has less time than its last answer took, until it was quick', async () => {
    const { node, late, find, timed } = await besideLate(2_500);
    expect(await find(100)).toEqual([]);
    await until('its answer', () => late.answered === 1);
    await sleep(300);
    await until('another hello', () => node.reachable);
    expect(await timed(2_000)).toBeLessThan(1_000);
    // Nobody was kept waiting, so it is no suspect, and it is asked all the same.
    expect(node.reachable).toBe(true);
    await until('the second question', () => late.asked === 2);
    late.delayMs = 0;
    await until('an answer in time', async () => (await find(2_000)).length === 1);
  });

  it('costs one wait where no answer has come yet', async () => {
    const { node, late, timed } = await besideLate(100_000);
    expect(await timed(1_500)).toBeGreaterThan(1_400);
    await until('another hello', () => node.reachable);
    expect(await timed(1_500)).toBeLessThan(750);
    await until('the second question', () => late.asked === 2);
  });

  it('is asked a few questions at once that nobody waits for, and any that somebody does', async () => {
    const { node, late, find } = await besideLate(100_000);
    expect(await find(200)).toEqual([]);
    await until('another hello', () => node.reachable);
    for (let call = 0; call < 20; call += 1) await find(150, digestOf(`unit ${call}`));
    await until('four questions', () => late.asked === 4);
    await sleep(300);
    expect(late.asked).toBe(4);
    expect(node.reachable).toBe(true);
    await find(400);
    expect(late.asked).toBe(5);
  });
});
