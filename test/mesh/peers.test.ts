import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { temporaryDir } from '../identity/support.js';
import { connected, type Member, newMesh, startMesh, startNode } from './support.js';

describe('peers meet', () => {
  it('in both directions when only one of them knows the other', async () => {
    const { nodes } = await startMesh(2);
    const [a, b] = nodes;
    await connected(b!);
    expect(a!.node.peers()[0]).toMatchObject({ via: 'static', state: 'connected' });
    expect(b!.node.peers()[0]).toMatchObject({ via: 'exchange', state: 'connected' });
    expect(b!.node.peers()[0]?.node).toBe(a!.node.nodeId);
  });

  it('by what a common peer tells', async () => {
    const members = await newMesh(3);
    const hub = await startNode(members[0]!);
    const peers = [hub.address];
    const a = await startNode(members[1]!, { config: { peers } });
    const b = await startNode(members[2]!, { config: { peers } });
    await Promise.all([connected(a, 2), connected(b, 2), connected(hub, 2)]);
  });

  it('by name, and when the peer starts later', async () => {
    const members = await newMesh(2);
    const port = await freePort();
    const a = await startNode(members[0]!, { config: { peers: [`localhost:${port}`] } });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(a.node.reachable).toBe(false);
    await startNode(members[1]!, { config: { port } });
    await connected(a);
    expect(a.events.filter(({ kind }) => kind === 'reachable')).toEqual([
      { kind: 'reachable', reachable: true },
    ]);
  });

  it('and never themselves', async () => {
    const [member] = await newMesh(1);
    const port = await freePort();
    const a = await startNode(member!, { config: { port, peers: [`127.0.0.1:${port}`] } });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(a.node.peers()).toEqual([]);
  });

  it('again after one of them restarted', async () => {
    const members = await newMesh(2);
    const first = await startNode(members[1]!);
    const a = await startNode(members[0]!, { config: { peers: [first.address] } });
    await connected(a);
    const { port } = first.node.state();
    await first.node.close();
    await connected(a, 0);
    expect(a.node.peers()[0]?.state).toBe('unreachable');
    expect(a.events.some(({ kind }) => kind === 'peer-down')).toBe(true);
    await startNode(members[1]!, { config: { port: port! } });
    await connected(a);
  });

  it('with names, versions, results and round trips to show', async () => {
    const { nodes } = await startMesh(2);
    await until('a second hello', () => (nodes[0]!.node.peers()[0]?.rttMs ?? 99) < 20);
    expect(nodes[0]!.node.peers()[0]).toMatchObject({
      name: 'test',
      version: '0.1.0',
      results: 0,
      address: nodes[1]!.address,
    });
    expect(nodes[0]!.node.peers()[0]?.lastSeen).toBeGreaterThan(1e12);
  });
});

describe('the roster', () => {
  it('reaches everybody through whoever is connected', async () => {
    const { nodes } = await startMesh(3);
    const { token } = nodes[0]!.node.invite({ role: 'member', ttlMs: 60_000 });
    const newcomer = await startNode({ dir: `${temporaryDir()}/identity` });
    await newcomer.node.join(token);
    const { nodeId } = newcomer.node;
    for (const { node } of nodes) {
      await until('the newcomer', () => node.members().some(({ node: id }) => id === nodeId));
    }
  });

  it('drops whoever was revoked, on both kinds of connections', async () => {
    const { nodes } = await startMesh(3);
    const [a, b, c] = nodes;
    await connected(c!, 2);
    await b!.node.leave();
    await until(
      'two members',
      () => a!.node.members().filter(({ revoked }) => !revoked).length === 2,
    );
    await until(
      'two members',
      () => c!.node.members().filter(({ revoked }) => !revoked).length === 2,
    );
    expect(a!.node.peers().map(({ node }) => node)).toEqual([c!.node.nodeId]);
    expect(b!.node.state()).toMatchObject({ mesh: null, port: null });
  });
});

describe('the port', () => {
  it('is another one when the usual is taken', async () => {
    const members = await newMesh(2);
    const blocker = await occupy(7391);
    const a = await startNode(members[0]!, { config: { port: undefined } });
    expect(a.node.state().port).toBeGreaterThan(0);
    expect(a.node.state().port).not.toBe(7391);
    expect(a.node.state().problems).toEqual([]);
    blocker?.close();
  });

  it('is none when the configured one is taken, and the node goes on', async () => {
    const [ours, other] = (await newMesh(2)) as [Member, Member];
    const port = await freePort();
    const blocker = await occupy(port);
    const b = await startNode(other);
    const a = await startNode(ours, { config: { port, peers: [b.address] } });
    expect(a.node.state()).toMatchObject({ port: null, problems: [{ code: 'VRIFT_PORT_IN_USE' }] });
    expect(() => a.node.invite({ role: 'member', ttlMs: 1_000 })).toThrow(/in use/);
    await connected(a);
    expect(b.node.peers()).toEqual([]);
    blocker?.close();
  });
});

describe('a first day', () => {
  it('founds, invites, joins, and shows members', async () => {
    const alice = await startNode({ dir: `${temporaryDir()}/alice` });
    expect(alice.node.state()).toMatchObject({ mesh: null, port: null, problems: [] });
    expect(() => alice.node.members()).toThrow(/no mesh/);
    const mesh = await alice.node.create('attic');
    expect(mesh).toMatchObject({ name: 'attic', role: 'admin', node: alice.node.nodeId });
    await expect(alice.node.create('again')).rejects.toMatchObject({ code: 'VRIFT_MESH_MEMBER' });
    const { token } = alice.node.invite({ role: 'member', ttlMs: 60_000 });
    const bob = await startNode({ dir: `${temporaryDir()}/bob` });
    expect(await bob.node.join(token)).toMatchObject({ mesh: mesh.mesh, role: 'member' });
    expect(await bob.node.join(token)).toMatchObject({ mesh: mesh.mesh });
    await Promise.all([connected(alice), connected(bob)]);
    expect(alice.node.members()).toHaveLength(2);
    await until('the event', () => alice.events.some(({ kind }) => kind === 'join-accepted'));
    expect(() => bob.node.invite({ role: 'member', ttlMs: 1_000 })).toThrow(/admin/);
    const before = bob.node.nodeId;
    await bob.node.leave();
    expect(bob.node.nodeId).not.toBe(before);
    await expect(bob.node.leave()).rejects.toMatchObject({ code: 'VRIFT_MESH_NONE' });
  });

  it('refuses a token that was used', async () => {
    const [admin] = await newMesh(1);
    const alice = await startNode(admin!);
    const { token } = alice.node.invite({ role: 'member', ttlMs: 60_000 });
    const bob = await startNode({ dir: `${temporaryDir()}/bob` });
    const eve = await startNode({ dir: `${temporaryDir()}/eve` });
    await bob.node.join(token);
    await expect(eve.node.join(token)).rejects.toMatchObject({ code: 'VRIFT_TOKEN_USED' });
    await until('the event', () => alice.events.some(({ kind }) => kind === 'join-refused'));
  });
});

/** Undefined when somebody else has the port already: then it is taken all the same. */
function occupy(port: number) {
  return new Promise<ReturnType<typeof createServer> | undefined>((resolve) => {
    const server = createServer().on('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
