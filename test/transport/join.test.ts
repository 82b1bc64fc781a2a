import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { join as joinPath } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Clock } from '../../src/base/clock.js';
import { Invites } from '../../src/identity/invites.js';
import { Membership } from '../../src/identity/membership.js';
import { parseToken } from '../../src/identity/token.js';
import { connectSecure } from '../../src/mesh/transport/connect.js';
import {
  type JoinOutcome,
  joinWithToken,
  Knocks,
  serveJoin,
} from '../../src/mesh/transport/join.js';
import { listenSecure } from '../../src/mesh/transport/secure.js';
import { proofOf, transcriptOf } from '../../src/mesh/transport/transcript.js';
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.js';
import { ALPN_JOIN, MAX_JOIN_FRAME_BYTES } from '../../src/wire/join.js';
import { foundMesh, newMember, newNode, type TestNode } from '../identity/support.js';
import { closed } from './support.js';

interface Inviter extends TestNode {
  membership: Membership;
  invites: Invites;
  clock: Clock & { time: number };
  port: number;
  outcomes: JoinOutcome[];
  /** A token that names the real port, or others. */
  invite(ports?: number[]): string;
}

async function startInviter(mesh?: TestNode & { membership: Membership }): Promise<Inviter> {
  const node = mesh ?? (await foundMesh());
  const { key, membership, dir } = node;
  const clock = { time: 1_000_000, now: () => clock.time, monotonic: () => clock.time };
  const invites = await Invites.open(dir, clock);
  const outcomes: JoinOutcome[] = [];
  const listener = await listenSecure({
    key,
    host: '127.0.0.1',
    port: 0,
    isMember: (nodeId) => membership.isMember(nodeId),
    onPeer: (socket) => void socket.destroy(),
    onJoin: async (socket, spki) => {
      const knocks = new Knocks({ membership, key });
      const options = { membership, key, invites, knocks, deadlineMs: 1_000 };
      outcomes.push(await serveJoin(socket, spki, options));
    },
  });
  onTestFinished(() => listener.close());
  const invite = (ports = [listener.port]) =>
    invites.issue({
      meshId: membership.meshId,
      inviter: key.nodeId,
      role: 'member',
      ttlMs: 60_000,
      addresses: ports.map((port) => `127.0.0.1:${port}`),
    }).token;
  return { ...node, invites, clock, port: listener.port, outcomes, invite };
}

function join(token: string, node: TestNode, nodeName = 'newcomer'): Promise<Membership> {
  return joinWithToken(token, { dir: node.dir, key: node.key, nodeName, timeoutMs: 2_000 });
}

/** The node belongs to no mesh and nothing of the attempt is left. */
async function expectUnjoined({ dir }: TestNode): Promise<void> {
  expect(readdirSync(dir)).toEqual(['node.pem']);
}

describe('joining with a token', () => {
  it('makes the newcomer a member on both sides', async () => {
    const inviter = await startInviter();
    const node = await newNode();
    const joined = await join(inviter.invite(), node, 'ann-laptop');
    expect(joined.meshId).toBe(inviter.membership.meshId);
    expect(joined.secret).toEqual(inviter.membership.secret);
    expect(joined.isMember(inviter.key.nodeId)).toBe(true);
    expect(joined.rosterDigest()).toBe(inviter.membership.rosterDigest());
    expect(inviter.membership.members()[0]).toMatchObject({
      node: node.key.nodeId,
      name: 'ann-laptop',
      role: 'member',
      addedBy: inviter.key.nodeId,
    });
    const again = await Membership.open(node.dir, node.key);
    expect(again?.isMember(node.key.nodeId)).toBe(true);
    await vi.waitFor(() => expect(inviter.outcomes).toHaveLength(1));
    expect(inviter.outcomes[0]).toMatchObject({ kind: 'joined', node: node.key.nodeId });
  });

  it('tries every address, and ends at the one where the inviter is', async () => {
    const inviter = await startInviter();
    const elsewhere = await startInviter();
    const token = inviter.invite([1, elsewhere.port, inviter.port]);
    const node = await newNode();
    expect((await join(token, node)).meshId).toBe(inviter.membership.meshId);
    expect(elsewhere.outcomes).toEqual([]);
  });

  it('says who could not be reached', async () => {
    const inviter = await startInviter();
    const node = await newNode();
    await expect(join(inviter.invite([1, 2]), node)).rejects.toMatchObject({
      code: 'VRIFT_JOIN_UNREACHABLE',
      message: expect.stringContaining('127.0.0.1:2 (ECONNREFUSED)'),
    });
    await expectUnjoined(node);
  });

  it('admits one key, as often as that one asks', async () => {
    const inviter = await startInviter();
    const [ann, bob] = [await newNode(), await newNode()];
    const token = inviter.invite();
    const first = await join(token, ann);
    expect((await join(token, ann)).meshId).toBe(first.meshId);
    // The answer was lost on the way: same key, nothing on disk.
    await expectRepeatable(token, ann, inviter);
    await expect(join(token, bob)).rejects.toMatchObject({ code: 'VRIFT_TOKEN_USED' });
    await expectUnjoined(bob);
    expect(inviter.membership.isMember(bob.key.nodeId)).toBe(false);
  });

  it('ends with the expiry, for everyone', async () => {
    const inviter = await startInviter();
    const [ann, bob] = [await newNode(), await newNode()];
    const [used, unused] = [inviter.invite(), inviter.invite()];
    await join(used, ann);
    inviter.clock.time += 60_000;
    const other = { ...ann, dir: (await newNode()).dir };
    await expect(join(used, other)).rejects.toMatchObject({ code: 'VRIFT_TOKEN_EXPIRED' });
    await expect(join(unused, bob)).rejects.toMatchObject({ code: 'VRIFT_TOKEN_EXPIRED' });
    expect(inviter.membership.isMember(bob.key.nodeId)).toBe(false);
  });

  it('is refused with a token that has a typing error', async () => {
    const node = await newNode();
    await expect(join('vrift1-abc', node)).rejects.toMatchObject({ code: 'VRIFT_TOKEN_MALFORMED' });
  });

  it('is refused when the inviter has moved to another mesh', async () => {
    const first = await startInviter();
    await first.membership.leave();
    const membership = await Membership.create(first.dir, first.key, 'cellar', 'founder');
    const { port } = await startInviter({ dir: first.dir, key: first.key, membership });
    const node = await newNode();
    await expect(join(first.invite([port]), node)).rejects.toMatchObject({
      code: 'VRIFT_TOKEN_FOREIGN',
    });
    await expectUnjoined(node);
  });

  it('is refused when the inviter may not admit any more, and burns nothing', async () => {
    const founder = await foundMesh();
    const admin = await newMember(founder.membership, 'admin');
    const inviter = await startInviter(admin);
    const token = inviter.invite();
    founder.membership.revoke(admin.key.nodeId, { keepAdded: true });
    admin.membership.merge(founder.membership.statements());
    const node = await newNode();
    await expect(join(token, node)).rejects.toMatchObject({ code: 'VRIFT_JOIN_REFUSED' });
    expect(readFileSync(joinPath(admin.dir, 'invites.json'), 'utf8')).toContain('"usedBy":null');
    await vi.waitFor(() =>
      expect(inviter.outcomes[0]).toMatchObject({ code: 'VRIFT_MESH_FORBIDDEN' }),
    );
  });

  it('is refused to a key that was revoked', async () => {
    const inviter = await startInviter();
    const ann = await newMember(inviter.membership);
    inviter.membership.revoke(ann.key.nodeId, { keepAdded: true });
    const fresh = { ...ann, dir: (await newNode()).dir };
    await expect(join(inviter.invite(), fresh)).rejects.toMatchObject({
      code: 'VRIFT_JOIN_REFUSED',
    });
  });

  it('leaves a mesh of one for it, and no other mesh', async () => {
    const inviter = await startInviter();
    const alone = await foundMesh('alone');
    const joined = await join(inviter.invite(), alone);
    expect(joined.name).toBe('attic');
    const crowd = await foundMesh('crowd');
    await newMember(crowd.membership);
    const token = inviter.invite();
    await expect(join(token, crowd)).rejects.toMatchObject({ code: 'VRIFT_MESH_MEMBER' });
    await join(token, await newNode());
  });

  it('stops when its caller does', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {}).resume());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const inviter = await startInviter();
    const token = inviter.invite([(silent.address() as { port: number }).port]);
    const node = await newNode();
    const signal = AbortSignal.timeout(50);
    const options = { ...node, nodeName: 'n', timeoutMs: 5_000, signal };
    await expect(joinWithToken(token, options)).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('an attacker at a join', () => {
  it('cannot stand in for the inviter: another key is told nothing', async () => {
    const inviter = await startInviter();
    const evil = await startInviter();
    const node = await newNode();
    await expect(join(inviter.invite([evil.port]), node)).rejects.toMatchObject({
      code: 'VRIFT_JOIN_UNREACHABLE',
      message: expect.stringContaining('another machine answers'),
    });
    expect(evil.outcomes).toEqual([]);
    await expectUnjoined(node);
  });

  it('cannot stand in the middle: what the newcomer proves is tied to one connection', async () => {
    const inviter = await startInviter();
    const [ann, evil] = [await newNode(), await newNode()];
    const token = inviter.invite();
    const { meshId, secret } = parseToken(token);
    // Suppose that a newcomer did not pin the inviter's key, and proved its token to the attacker.
    const server = createTlsServer({
      key: evil.key.keyPem,
      cert: evil.key.certPem,
      ALPNProtocols: [ALPN_JOIN],
      requestCert: true,
      rejectUnauthorized: false,
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
    const victim = await dialJoin((server.address() as { port: number }).port, ann);
    const parties = { meshId, newcomer: ann.key.spki, member: evil.key.spki };
    const proof = proofOf(secret, 'token', transcriptOf(victim.socket, parties));
    (await accepted)[0].destroy();
    for (const as of [evil, ann]) {
      const forwarded = await dialJoin(inviter.port, as);
      const answer = await say(forwarded.socket, tokenFrame(meshId, proof));
      expect(answer).toEqual([{ kind: 'refused', code: 'VRIFT_JOIN_REFUSED' }]);
    }
    expect(inviter.membership.members()).toHaveLength(1);
  });

  it('cannot use a proof made for another newcomer, inviter, mesh, purpose or connection', async () => {
    const inviter = await startInviter();
    const [ann, bob] = [await newNode(), await newNode()];
    const { meshId, secret } = parseToken(inviter.invite());
    const right = { meshId, newcomer: ann.key.spki, member: inviter.key.spki };
    const earlier = await dialJoin(inviter.port, ann);
    const attempts = [
      { parties: { ...right, newcomer: bob.key.spki } },
      { parties: { ...right, member: bob.key.spki } },
      { parties: { ...right, meshId: bob.key.nodeId } },
      { label: 'admin' },
      { over: earlier.socket },
    ];
    for (const { parties = right, label = 'token', over } of attempts) {
      const { socket } = await dialJoin(inviter.port, ann);
      const proof = proofOf(secret, label, transcriptOf(over ?? socket, parties));
      const answer = await say(socket, tokenFrame(meshId, proof));
      expect(answer).toEqual([{ kind: 'refused', code: 'VRIFT_JOIN_REFUSED' }]);
    }
    expect(inviter.membership.members()).toHaveLength(1);
    const { socket } = await dialJoin(inviter.port, ann);
    const proof = proofOf(secret, 'token', transcriptOf(socket, right));
    expect(await say(socket, tokenFrame(meshId, proof))).toMatchObject([{ kind: 'welcome' }]);
  });

  it('cannot lead the newcomer into another mesh, even with the inviter’s key', async () => {
    const inviter = await startInviter();
    const other = await foundMesh('cellar');
    const node = await newNode();
    other.membership.add(node.key.nodeId, 'member', 'n');
    const { meshId, genesis, secret } = inviter.membership;
    const answers = [
      { genesis: other.membership.genesis, statements: other.membership.statements() },
      { genesis, statements: [] },
      { genesis, statements: other.membership.statements() },
    ];
    const codes = ['VRIFT_TOKEN_FOREIGN', 'VRIFT_JOIN_REFUSED', 'VRIFT_PEER_INVALID'];
    for (const [index, answer] of answers.entries()) {
      const port = await answering(inviter, {
        kind: 'welcome',
        genesis: answer.genesis.toString('base64'),
        statements: answer.statements.map(String),
        secret: secret.toString('base64'),
      });
      const joining = join(inviter.invite([port]), node);
      await expect(joining).rejects.toMatchObject({ code: codes[index] });
      await expectUnjoined(node);
    }
    expect(meshId).not.toBe(other.membership.meshId);
  });

  it.each([
    ['nonsense', { kind: 'hello' }, 'VRIFT_PEER_PROTOCOL'],
    ['a code that is none', { kind: 'refused', code: '\u001b[2J' }, 'VRIFT_JOIN_REFUSED'],
    [
      'a broken welcome',
      { kind: 'welcome', genesis: 7, statements: [], secret: '' },
      'VRIFT_PEER_PROTOCOL',
    ],
  ])('gets no further with %s', async (_, answer, code) => {
    const inviter = await startInviter();
    const port = await answering(inviter, answer);
    const node = await newNode();
    await expect(join(inviter.invite([port]), node)).rejects.toMatchObject({ code });
    await expectUnjoined(node);
  });

  it('is answered once, within bounds, whatever it sends', async () => {
    const inviter = await startInviter();
    const node = await newNode();
    const { meshId } = inviter.membership;
    const good = tokenFrame(meshId, Buffer.alloc(32));
    const refused = (code: string) => [{ kind: 'refused', code }];
    const bad: [unknown, unknown[]][] = [
      [good, refused('VRIFT_JOIN_REFUSED')],
      [{ ...good, mesh: node.key.nodeId }, refused('VRIFT_TOKEN_FOREIGN')],
      [{ ...good, v: 2 }, refused('VRIFT_PEER_PROTOCOL')],
      [{ ...good, name: '\u001b[2J' }, refused('VRIFT_PEER_PROTOCOL')],
      [{ ...good, extra: 1 }, refused('VRIFT_PEER_PROTOCOL')],
      [{ ...good, proof: 7 }, refused('VRIFT_PEER_PROTOCOL')],
      [null, refused('VRIFT_PEER_PROTOCOL')],
      [{ ...good, name: 'x'.repeat(MAX_JOIN_FRAME_BYTES) }, []],
    ];
    for (const [frame, expected] of bad) {
      const { socket } = await dialJoin(inviter.port, node);
      expect(await say(socket, frame)).toEqual(expected);
    }
    expect(inviter.membership.members()).toHaveLength(1);
  });

  it('that says nothing is cut off', async () => {
    const inviter = await startInviter();
    const { socket } = await dialJoin(inviter.port, await newNode());
    socket.resume();
    const startedMs = performance.now();
    await closed(socket);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await vi.waitFor(() =>
      expect(inviter.outcomes[0]).toMatchObject({ code: 'VRIFT_JOIN_UNREACHABLE' }),
    );
  });
});

function tokenFrame(mesh: string, proof: Buffer): object {
  return { kind: 'token', v: 1, mesh, name: 'n', proof: proof.toString('base64') };
}

function dialJoin(port: number, { key }: TestNode) {
  const to = { host: '127.0.0.1', port, key, alpn: ALPN_JOIN, timeoutMs: 2_000 };
  return connectSecure({ ...to, expect: () => true });
}

/** Sends one frame and collects the answers until the other side hangs up. */
async function say(socket: TLSSocket, frame: unknown): Promise<unknown[]> {
  const decoder = new FrameDecoder();
  const answers: unknown[] = [];
  socket.on('data', (chunk: Buffer) => answers.push(...decoder.push(chunk)));
  socket.write(encodeFrame(frame));
  await closed(socket);
  return answers;
}

/** A machine with the inviter's key whose program answers what it likes. */
async function answering({ key }: TestNode, answer: unknown): Promise<number> {
  const listener = await listenSecure({
    key,
    host: '127.0.0.1',
    port: 0,
    isMember: () => false,
    onPeer: () => {},
    onJoin: (socket) => void socket.end(encodeFrame(answer)),
  });
  onTestFinished(() => listener.close());
  return listener.port;
}

/** The same key asks again from an empty directory. */
async function expectRepeatable(token: string, node: TestNode, inviter: Inviter): Promise<void> {
  const digest = inviter.membership.rosterDigest();
  const empty = { ...node, dir: (await newNode()).dir };
  expect((await join(token, empty, 'another name')).isMember(node.key.nodeId)).toBe(true);
  expect(inviter.membership.rosterDigest()).toBe(digest);
}
