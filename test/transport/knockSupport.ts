import { connect } from 'node:tls';
import { onTestFinished } from 'vitest';
import { Invites } from '../../src/identity/invites.js';
import { codeOf, commitmentTo, drawNonce, secretOf } from '../../src/identity/knockCode.js';
import type { Membership } from '../../src/identity/membership.js';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { Conversation } from '../../src/mesh/transport/conversation.js';
import { type JoinOutcome, Knocks, knock, serveJoin } from '../../src/mesh/transport/join.js';
import { readPeerKey } from '../../src/mesh/transport/peerKey.js';
import { listenSecure } from '../../src/mesh/transport/secure.js';
import { tlsOptions } from '../../src/mesh/transport/tlsOptions.js';
import { ALPN_JOIN, JOIN_PROTOCOL } from '../../src/wire/join.js';
import { until } from '../harness/programs.js';
import { foundMesh, newNode, type TestNode } from '../identity/support.js';

export interface Admin extends TestNode {
  membership: Membership;
  knocks: Knocks;
  clock: { time: number };
  port: number;
  outcomes: JoinOutcome[];
}

/** A node with a mesh of its own at which newcomers can knock. */
export async function startAdmin(
  options: { knockMs?: number; mesh?: TestNode & { membership: Membership }; knocks?: Knocks } = {},
): Promise<Admin> {
  const node = options.mesh ?? (await foundMesh());
  const { key, membership, dir } = node;
  const clock = { time: 0 };
  const knocks =
    options.knocks ??
    new Knocks({
      membership,
      key,
      monotonic: () => clock.time,
      ...(options.knockMs !== undefined && { knockMs: options.knockMs }),
    });
  const invites = await Invites.open(dir);
  const outcomes: JoinOutcome[] = [];
  const listener = await listenSecure({
    key,
    port: 0,
    isMember: (nodeId) => membership.isMember(nodeId),
    onPeer: (socket) => void socket.destroy(),
    onJoin: async (socket, spki, keep) => {
      const more = { knocks, onKnock: keep, deadlineMs: 1_000 };
      outcomes.push(await serveJoin(socket, spki, { membership, key, invites, ...more }));
    },
  });
  onTestFinished(async () => {
    knocks.close();
    await listener.close();
  });
  return { ...node, knocks, clock, port: listener.port, outcomes };
}

export interface Newcomer extends TestNode {
  /** As its screen shows it. */
  code: string;
  joined: Promise<Membership>;
  cancel(): void;
}

/** A real newcomer at these doors, waiting. */
export async function startNewcomer(
  doors: { port: number; membership?: Membership }[],
  options: { mesh?: { id: string; name: string }; knockMs?: number; node?: TestNode } = {},
): Promise<Newcomer> {
  const node = options.node ?? (await newNode());
  const [first] = doors;
  const { meshId = '', name = '' } = first?.membership ?? {};
  const mesh = options.mesh ?? { id: meshId, name };
  const cancel = new AbortController();
  let code = '';
  const joined = knock({
    dir: node.dir,
    key: node.key,
    nodeName: 'ann-laptop',
    timeoutMs: 2_000,
    mesh,
    doors: doors.map(({ port }) => ({ host: '127.0.0.1', port })),
    onCode: (shown) => {
      code = shown;
    },
    signal: cancel.signal,
    ...(options.knockMs !== undefined && { knockMs: options.knockMs }),
  });
  joined.catch(() => undefined);
  onTestFinished(() => cancel.abort(new Error('the test is over')));
  await until('the code', () => code !== '');
  return { ...node, code, joined, cancel: () => cancel.abort(new Error('given up')) };
}

/** Whoever speaks the newcomer's part by hand. */
export async function rawKnock(
  admin: { port: number; membership: Membership },
  key: NodeKey,
  options: { from?: string; name?: string; nonce?: Buffer; stays?: boolean } = {},
) {
  const socket = connect({
    ...tlsOptions(key),
    host: '127.0.0.1',
    port: admin.port,
    ALPNProtocols: [ALPN_JOIN],
    ...(options.stays === true && { allowHalfOpen: true }),
    ...(options.from !== undefined && { localAddress: options.from }),
  });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const spki = readPeerKey(socket)?.spki ?? Buffer.alloc(0);
  onTestFinished(() => void socket.destroy());
  const talk = new Conversation(socket, { maxBytes: 5_000_000, deadlineMs: 20_000 });
  const mesh = admin.membership.meshId;
  const commit = commitmentTo(options.nonce ?? Buffer.alloc(16)).toString('base64');
  talk.send({ kind: 'knock', v: JOIN_PROTOCOL, mesh, name: options.name ?? 'ann-laptop', commit });
  return { socket, spki, talk, heard: await talk.next() };
}

/** A code that this key could show, with all that belongs to it. */
export async function drawCode(key: NodeKey, membership: Membership) {
  const knocker = { spki: key.spki, meshId: membership.meshId };
  const nonce = drawNonce();
  const code = await codeOf(nonce, knocker);
  return { nonce, code, secret: await secretOf(code, knocker) };
}
