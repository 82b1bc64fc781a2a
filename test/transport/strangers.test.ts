import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { readPeerKey } from '../../src/mesh/transport/peerKey.js';
import { ALPN_JOIN } from '../../src/wire/join.js';
import { newNode } from '../identity/support.js';
import {
  ask,
  closed,
  dial,
  doctoredCertificate,
  rsaIdentity,
  startVictim,
  type Victim,
} from './support.js';

let host: NodeKey;
let member: NodeKey;
let stranger: NodeKey;

beforeAll(async () => {
  [host, member, stranger] = (await Promise.all([newNode(), newNode(), newNode()])).map(
    ({ key }) => key,
  ) as [NodeKey, NodeKey, NodeKey];
});

/** The victim has seen nothing of whoever just tried. */
function expectUntouched({ requests, peers, joins }: Victim): void {
  expect({ requests, peers, joins }).toEqual({ requests: [], peers: [], joins: [] });
}

describe('the mesh port', () => {
  it('serves a member', async () => {
    const victim = await startVictim(host, [member]);
    expect(await ask(dial(victim.port, member))).toContain('secret');
    expect(victim.peers).toEqual([member.nodeId]);
    expect(victim.requests).toEqual(['/v1/secret']);
  });

  it('serves nothing to a stranger, not even what comes with its Finished message', async () => {
    const victim = await startVictim(host, [member]);
    expect(await ask(dial(victim.port, stranger))).toBe('');
    expectUntouched(victim);
  });

  it('serves nothing without a certificate', async () => {
    const victim = await startVictim(host, [member]);
    expect(await ask(dial(victim.port, undefined))).toBe('');
    expectUntouched(victim);
  });

  it('serves nothing to an RSA key', async () => {
    const victim = await startVictim(host, [member]);
    expect(await ask(dial(victim.port, undefined, await rsaIdentity()))).toBe('');
    expectUntouched(victim);
  });

  it('takes no member’s certificate in a stranger’s chain, nor any chain at all', async () => {
    const victim = await startVictim(host, [member]);
    const { keyPem: key } = stranger;
    const cert = stranger.certPem + member.certPem;
    expect(await ask(dial(victim.port, undefined, { key, cert }))).toBe('');
    const own = { key: member.keyPem, cert: member.certPem + stranger.certPem };
    expect(await ask(dial(victim.port, undefined, own))).toBe('');
    const twice = { key: member.keyPem, cert: member.certPem + member.certPem };
    expect(await ask(dial(victim.port, undefined, twice))).toBe('');
    expectUntouched(victim);
  });

  it('takes no low-order key, whose signatures anyone can make', async () => {
    const identity = Buffer.alloc(32);
    identity[0] = 1;
    const forged = Buffer.concat([identity, Buffer.alloc(32)]);
    const certificate = doctoredCertificate(stranger, identity, forged);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(readPeerKey(handshake(certificate))).toBeUndefined();
  });

  it('takes no certificate that is not signed by its own key', async () => {
    const certificate = doctoredCertificate(
      stranger,
      member.spki.subarray(-32),
      Buffer.alloc(64, 1),
    );
    expect(readPeerKey(handshake(certificate))).toBeUndefined();
  });

  it('does not speak TLS 1.2', async () => {
    const victim = await startVictim(host, [member]);
    expect(await ask(dial(victim.port, member, { maxVersion: 'TLSv1.2' }))).toBe('');
    expectUntouched(victim);
  });

  it('serves nothing for a member’s session without the member’s key', async () => {
    const victim = await startVictim(host, [member]);
    const socket = dial(victim.port, member);
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    victim.peers.splice(0);
    const thief = dial(victim.port, undefined, { session });
    const reused = once(thief, 'secureConnect').then(() => thief.isSessionReused());
    expect(await ask(thief)).toBe('');
    expect(await reused).toBe(false);
    expectUntouched(victim);
  });

  it('would refuse a resumed session, should a library offer one', async () => {
    const certificate = doctoredCertificate(member, Buffer.alloc(0), Buffer.alloc(0));
    expect(readPeerKey(handshake(certificate))?.nodeId).toBe(member.nodeId);
    expect(readPeerKey(handshake(certificate, { reused: true }))).toBeUndefined();
  });

  it('speaks only its own application protocols', async () => {
    const victim = await startVictim(host, [member]);
    expect(await ask(dial(victim.port, member, { ALPNProtocols: ['h2'] }))).toBe('');
    expect(await ask(dial(victim.port, member, { ALPNProtocols: [] }))).toBe('');
    expectUntouched(victim);
  });

  it('lets any key speak the join protocol, and no other', async () => {
    const victim = await startVictim(host, [member]);
    expect(await ask(dial(victim.port, stranger, { ALPNProtocols: [ALPN_JOIN] }))).toBe('join');
    expect(victim.joins).toEqual([stranger.spki]);
    expect(await ask(dial(victim.port, undefined, { ALPNProtocols: [ALPN_JOIN] }))).toBe('');
    expect(victim.joins).toHaveLength(1);
    expect(victim.requests).toEqual([]);
  });

  it('does not answer plain HTTP', async () => {
    const victim = await startVictim(host, [member]);
    const socket = connectTcp(victim.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('error', () => {});
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await closed(socket);
    expect(Buffer.concat(chunks).toString('latin1')).not.toContain('HTTP');
    expectUntouched(victim);
  });

  it('closes a connection that only drips, 3 s after it came', async () => {
    const victim = await startVictim(host, [member]);
    const socket = connectTcp(victim.port, '127.0.0.1');
    socket.on('error', () => {});
    const startedMs = performance.now();
    const hello = Buffer.from('16030102000100', 'hex');
    socket.write(hello);
    const drip = setInterval(() => socket.write(Buffer.from([1])), 200);
    onTestFinished(() => clearInterval(drip));
    socket.resume();
    await closed(socket);
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(2_500);
    expect(tookMs).toBeLessThan(4_500);
    expectUntouched(victim);
  });

  it('answers members while half-open connections pour in', async () => {
    const victim = await startVictim(host, [member]);
    let open = 0;
    const sockets = Array.from({ length: 400 }, () => {
      const socket = connectTcp(victim.port, '127.0.0.1');
      socket.on('connect', () => {
        open += 1;
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        open -= 1;
      });
      return socket.resume();
    });
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
    await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => undefined)));
    expect(await ask(dial(victim.port, member))).toContain('secret');
    // Not by the timeout, which would come after 3 s.
    await vi.waitFor(() => expect(open).toBeLessThanOrEqual(64), { timeout: 2_000 });
  });
});

/** What the end of a handshake shows, where no honest library would make such a one. */
function handshake(certificate: unknown, { reused = false } = {}): TLSSocket {
  return {
    isSessionReused: () => reused,
    getProtocol: () => 'TLSv1.3',
    getPeerX509Certificate: () => certificate,
  } as unknown as TLSSocket;
}
