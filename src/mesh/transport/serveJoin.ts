import type { TLSSocket } from 'node:tls';
import { type ErrorCode, toVriftError, VriftError } from '../../base/errors.js';
import type { Invites } from '../../identity/invites.js';
import type { Membership } from '../../identity/membership.js';
import { isName } from '../../identity/names.js';
import type { NodeKey } from '../../identity/nodeKey.js';
import type { Role } from '../../identity/roles.js';
import { nodeIdOf } from '../../identity/spki.js';
import { hasExactly, parseBase64 } from '../../identity/strictJson.js';
import {
  JOIN_DEADLINE_MS,
  JOIN_PROTOCOL,
  type JoinAnswer,
  MAX_JOIN_FRAME_BYTES,
  TOKEN_PROOF_LABEL,
  type TokenFrame,
} from '../../wire/join.js';
import { Conversation } from './conversation.js';
import { isProof, transcriptOf } from './transcript.js';

export interface ServeJoinOptions {
  membership: Membership;
  key: NodeKey;
  invites: Invites;
  deadlineMs?: number;
}

/** How a join ended, for the log; `node` is the key that tried. */
export type JoinOutcome =
  | { kind: 'joined'; node: string; name: string; role: Role }
  | { kind: 'refused'; node: string; code: ErrorCode; message: string };

/** What a newcomer may learn of a failure; anything else is `VRIFT_JOIN_REFUSED` to it. */
const TOLD: ReadonlySet<ErrorCode> = new Set([
  'VRIFT_TOKEN_EXPIRED',
  'VRIFT_TOKEN_USED',
  'VRIFT_TOKEN_FOREIGN',
  'VRIFT_PEER_PROTOCOL',
]);

/**
 * Answers one connection of the join protocol, and ends it. Never throws.
 *
 * @param spki the key that the handshake proved (`onJoin` of `listenSecure`)
 */
export async function serveJoin(
  socket: TLSSocket,
  spki: Buffer,
  options: ServeJoinOptions,
): Promise<JoinOutcome> {
  const { deadlineMs = JOIN_DEADLINE_MS } = options;
  using talk = new Conversation(socket, { maxBytes: MAX_JOIN_FRAME_BYTES, deadlineMs });
  const node = nodeIdOf(spki);
  try {
    const frame = parseTokenFrame(await talk.next());
    const role = admit(socket, spki, frame, options);
    await talk.finish(welcomeTo(options.membership));
    return { kind: 'joined', node, name: frame.name, role };
  } catch (error) {
    const { code, message } = toVriftError(error);
    await talk.finish(refusal(code));
    return { kind: 'refused', node, code, message };
  }
}

/** Checks everything, burns the invitation on disk, and only then signs. All in one turn. */
function admit(
  socket: TLSSocket,
  newcomer: Buffer,
  frame: TokenFrame,
  { membership, key, invites }: ServeJoinOptions,
): Role {
  const { meshId } = membership;
  if (frame.mesh !== meshId) {
    throw new VriftError('VRIFT_TOKEN_FOREIGN', 'the token is for another mesh');
  }
  const transcript = transcriptOf(socket, { meshId, newcomer, member: key.spki });
  const proof = parseBase64(frame.proof) ?? Buffer.alloc(0);
  const invite = invites.find(meshId, (secret) =>
    isProof(proof, { secret, label: TOKEN_PROOF_LABEL, transcript }),
  );
  if (invite === undefined) throw new VriftError('VRIFT_JOIN_REFUSED', 'no such invitation');
  membership.assertMayAdd(nodeIdOf(newcomer));
  const role = invites.burn(invite, nodeIdOf(newcomer));
  membership.add(newcomer, role, frame.name);
  return role;
}

function parseTokenFrame(frame: unknown): TokenFrame {
  if (!hasExactly(frame, ['kind', 'v', 'mesh', 'name', 'proof']) || frame.kind !== 'token') {
    throw new VriftError('VRIFT_PEER_PROTOCOL', 'not a frame of this join protocol');
  }
  const { v, mesh, name, proof } = frame;
  if (v !== JOIN_PROTOCOL) throw new VriftError('VRIFT_PEER_PROTOCOL', `join protocol ${v}`);
  if (typeof mesh !== 'string' || typeof proof !== 'string' || !isName(name)) {
    throw new VriftError('VRIFT_PEER_PROTOCOL', 'a token frame is out of bounds');
  }
  return { kind: 'token', v, mesh, name, proof };
}

function welcomeTo(membership: Membership): JoinAnswer {
  return {
    kind: 'welcome',
    genesis: membership.genesis.toString('base64'),
    statements: membership.statements().map((bytes) => bytes.toString('utf8')),
    secret: membership.secret.toString('base64'),
  };
}

function refusal(code: ErrorCode): JoinAnswer {
  return { kind: 'refused', code: TOLD.has(code) ? code : 'VRIFT_JOIN_REFUSED' };
}
