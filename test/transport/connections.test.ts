import { once } from 'node:events';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Pool, request } from 'undici';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { connectSecure, listenSecure, undiciConnector } from '../../src/mesh/transport/secure.js';
import { ALPN_JOIN, ALPN_PEER } from '../../src/wire/join.js';
import { foundMesh, newMember, newNode } from '../identity/support.js';
import { ask, closed, dial, rsaIdentity, startVictim } from './support.js';

let host: NodeKey;
let member: NodeKey;
let other: NodeKey;

beforeAll(async () => {
  [host, member, other] = (await Promise.all([newNode(), newNode(), newNode()])).map(
    ({ key }) => key,
  ) as [NodeKey, NodeKey, NodeKey];
});

const LOCAL = { host: '127.0.0.1', alpn: ALPN_PEER, timeoutMs: 2_000 };

/** A server that is none of ours. */
async function impostor(options: TlsOptions): Promise<number> {
  const server = createTlsServer({ ALPNProtocols: [ALPN_PEER], ...options }, (socket) => {
    socket.on('error', () => {});
    socket.end('hello');
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

describe('connecting', () => {
  it('ends at the node that was expected', async () => {
    const { port } = await startVictim(host, [member]);
    const connection = await connectSecure({ ...LOCAL, port, key: member, expect: host.nodeId });
    expect(connection.nodeId).toBe(host.nodeId);
    expect(connection.spki).toEqual(host.spki);
    connection.socket.destroy();
  });

  it('asks who may be there, when no single node is expected', async () => {
    const { port } = await startVictim(host, [member]);
    const expect_ = vi.fn((nodeId: string) => nodeId === host.nodeId);
    const { socket } = await connectSecure({ ...LOCAL, port, key: member, expect: expect_ });
    expect(expect_).toHaveBeenCalledWith(host.nodeId);
    socket.destroy();
  });

  it('says no byte to another key', async () => {
    const victim = await startVictim(host, [member]);
    const wrong = connectSecure({ ...LOCAL, port: victim.port, key: member, expect: other.nodeId });
    await expect(wrong).rejects.toMatchObject({ code: 'VRIFT_PEER_INVALID' });
    expect(victim.requests).toEqual([]);
  });

  it.each([
    ['an RSA key', async () => rsaIdentity()],
    ['a chain', async () => ({ key: host.keyPem, cert: host.certPem + other.certPem })],
    [
      'TLS 1.2',
      async () => ({ key: host.keyPem, cert: host.certPem, maxVersion: 'TLSv1.2' as const }),
    ],
    [
      'another protocol',
      async () => ({ key: host.keyPem, cert: host.certPem, ALPNProtocols: ['h2'] }),
    ],
    ['no protocol', async () => ({ key: host.keyPem, cert: host.certPem, ALPNProtocols: [] })],
  ])('refuses a server with %s', async (_, options) => {
    const port = await impostor(await options());
    await expect(
      connectSecure({ ...LOCAL, port, key: member, expect: () => true }),
    ).rejects.toThrow();
  });

  it('gives up on a server that says nothing, and when its caller does', async () => {
    const silent = createTcpServer((socket: Socket) => socket.on('error', () => {}).resume());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as { port: number };
    const to = { ...LOCAL, port, key: member, expect: host.nodeId };
    await expect(connectSecure({ ...to, timeoutMs: 50 })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const caller = new AbortController();
    const cancelled = connectSecure({ ...to, signal: caller.signal });
    caller.abort(new Error('never mind'));
    await expect(cancelled).rejects.toThrow('never mind');
    await expect(connectSecure({ ...to, signal: caller.signal })).rejects.toThrow('never mind');
  });

  it('reports a closed port as the system does', async () => {
    const listener = await listenSecure({
      key: host,
      host: '127.0.0.1',
      port: 0,
      isMember: () => true,
      onPeer: () => {},
      onJoin: () => {},
    });
    const { port } = listener;
    await listener.close();
    await expect(
      connectSecure({ ...LOCAL, port, key: member, expect: host.nodeId }),
    ).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('listening', () => {
  it('says which port is in use', async () => {
    const { port } = await startVictim(host, []);
    const ignore = { isMember: () => false, onPeer: () => {}, onJoin: () => {} };
    await expect(
      listenSecure({ key: host, host: '127.0.0.1', port, ...ignore }),
    ).rejects.toMatchObject({ code: 'VRIFT_PORT_IN_USE' });
  });

  it('ends every connection when it closes', async () => {
    const { port, listener } = await startVictim(host, [member]);
    const { socket } = await connectSecure({ ...LOCAL, port, key: member, expect: host.nodeId });
    const ended = closed(socket);
    await listener.close();
    await ended;
  });

  it('drops live connections of a node that a revoke shuts out', async () => {
    const founder = await foundMesh();
    const ann = await newMember(founder.membership);
    const bob = await newMember(founder.membership);
    const victim = await startVictim(founder.key, [ann.key, bob.key]);
    victim.members.clear();
    const isMember = vi.spyOn(victim.members, 'has');
    isMember.mockImplementation((nodeId) => founder.membership.isMember(nodeId));
    founder.membership.onChange(() => victim.listener.disconnectNonMembers());
    const to = { ...LOCAL, port: victim.port, expect: founder.key.nodeId };
    const lost = await connectSecure({ ...to, key: ann.key });
    const kept = await connectSecure({ ...to, key: bob.key });
    await vi.waitFor(() => expect(victim.peers).toHaveLength(2));
    const ended = closed(lost.socket);
    founder.membership.revoke(ann.key.nodeId, { keepAdded: false });
    await ended;
    expect(kept.socket.destroyed).toBe(false);
    expect(await ask(dial(victim.port, ann.key))).toBe('');
    kept.socket.destroy();
  });
});

describe('undici', () => {
  it('asks a peer over a connection whose key was compared', async () => {
    const victim = await startVictim(host, [member]);
    const origin = `https://127.0.0.1:${victim.port}`;
    const pool = new Pool(origin, {
      connect: undiciConnector(member, host.nodeId),
      connections: 1,
    });
    onTestFinished(() => pool.destroy());
    for (const path of ['/one', '/two']) {
      const { statusCode, body } = await request(`${origin}${path}`, { dispatcher: pool });
      expect(statusCode).toBe(200);
      expect(await body.text()).toBe('secret');
    }
    expect(victim.requests).toEqual(['/one', '/two']);
    expect(victim.peers).toHaveLength(1);
  });

  it('sends no request to another key', async () => {
    const victim = await startVictim(host, [member]);
    const origin = `https://127.0.0.1:${victim.port}`;
    const pool = new Pool(origin, { connect: undiciConnector(member, other.nodeId) });
    onTestFinished(() => pool.destroy());
    await expect(request(origin, { dispatcher: pool })).rejects.toMatchObject({
      code: 'VRIFT_PEER_INVALID',
    });
    expect(victim.requests).toEqual([]);
  });

  it('never resumes a session, whatever the server offers', async () => {
    const reused: boolean[] = [];
    const port = await impostor({
      key: host.keyPem,
      cert: host.certPem,
      requestCert: true,
      rejectUnauthorized: false,
    });
    for (let round = 0; round < 3; round += 1) {
      const to = { ...LOCAL, port, key: member, expect: host.nodeId };
      const { socket } = await connectSecure(to);
      reused.push(socket.isSessionReused());
      socket.resume();
      await closed(socket);
    }
    expect(reused).toEqual([false, false, false]);
  });
});

describe('the join protocol’s port', () => {
  it('holds few connections of one address', async () => {
    const sockets: Socket[] = [];
    const listener = await listenSecure({
      key: host,
      host: '127.0.0.1',
      port: 0,
      isMember: () => false,
      onPeer: () => {},
      onJoin: (socket) => sockets.push(socket),
    });
    onTestFinished(() => listener.close());
    const to = { ...LOCAL, port: listener.port, alpn: ALPN_JOIN, expect: host.nodeId };
    for (let count = 0; count < 8; count += 1) {
      const { socket } = await connectSecure({ ...to, key: other });
      onTestFinished(() => void socket.destroy());
    }
    await vi.waitFor(() => expect(sockets).toHaveLength(8));
    expect(sockets.filter((socket) => !socket.destroyed)).toHaveLength(4);
  });
});
