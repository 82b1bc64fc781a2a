import type { TLSSocket } from 'node:tls';
import { type ErrorCode, toVriftError, VriftError } from '../../base/errors.js';
import { isId } from '../../identity/ids.js';
import type { Invites } from '../../identity/invites.js';
import type { Membership } from '../../identity/membership.js';
import { isName } from '../../identity/names.js';
import type { NodeKey } from '../../identity/nodeKey.js';
import type { Role } from '../../identity/roles.js';
import { nodeIdOf } from '../../identity/spki.js';
import { hasExactly, parseBase64 } from '../../identity/strictJson.js';
import {
  type AboutFrame,
  type AskFrame,
  JOIN_DEADLINE_MS,
  JOIN_PROTOCOL,
  type JoinAnswer,
  type KnockFrame,
  MAX_JOIN_FRAME_BYTES,
  TOKEN_PROOF_LABEL,
  type TokenFrame,
} from '../../wire/join.js';
import { Conversation } from './conversation.js';
import type { Knock, Knocks } from './knocks.js';
import { isProof, transcriptOf } from './transcript.js';
import { welcomeTo } from './welcomeTo.js';

export interface ServeJoinOptions {
  membership: Membership;
  key: NodeKey;
  invites: Invites;
  knocks: Knocks;
  /** Somebody waits for an admin: it is none of the connections that come and go any more. */
  onKnock?: (knock: Knock) => void;
  deadlineMs?: number;
}

/** How a join ended, for the log; `node` is the key that tried. */
export type JoinOutcome =
  /** It only asked which mesh this is, or went away. */
  | { kind: 'asked'; node: string }
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
    const frame = parseFirstFrame(await talk.next());
    if (frame.kind === 'ask') {
      await talk.finish(aboutUs(options));
      return { kind: 'asked', node };
    }
    if (frame.kind === 'knock') return await admitKnock(talk, socket, spki, frame, options);
    const role = admit(socket, spki, frame, options);
    await talk.finish(welcomeTo(options.membership));
    return { kind: 'joined', node, name: frame.name, role };
  } catch (error) {
    const { code, message } = toVriftError(error);
    await talk.finish(refusal(code));
    return { kind: 'refused', node, code, message };
  }
}

/** For reading a verdict, the roster included. */
const VERDICT_MS = 5_000;

async function admitKnock(
  talk: Conversation,
  socket: TLSSocket,
  spki: Buffer,
  frame: KnockFrame,
  { membership, knocks, onKnock }: ServeJoinOptions,
): Promise<JoinOutcome> {
  const node = nodeIdOf(spki);
  const { name } = frame;
  if (frame.mesh !== membership.meshId) {
    throw new VriftError('VRIFT_JOIN_REFUSED', 'it knocks at another mesh');
  }
  const verdict = await knocks.receive(talk, socket, spki, frame, (knock) => onKnock?.(knock));
  // It has been told, and has no reason to stay: nothing else counts these connections.
  talk.extend(VERDICT_MS);
  if (verdict.kind === 'refused') throw new VriftError('VRIFT_JOIN_REFUSED', verdict.message);
  if (verdict.kind === 'gone') return { kind: 'asked', node };
  await talk.end();
  return { kind: 'joined', node, name, role: verdict.role };
}

function aboutUs({ membership, key }: ServeJoinOptions): AboutFrame {
  const admin = membership.rolesOf(key.nodeId).has('admin');
  return { kind: 'about', mesh: membership.meshId, name: membership.name, admin };
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

/** SHA-256. */
const COMMIT_BYTES = 32;

function parseFirstFrame(frame: unknown): TokenFrame | KnockFrame | AskFrame {
  if (hasExactly(frame, ['kind', 'v']) && frame.kind === 'ask') {
    return { kind: 'ask', v: ours(frame.v) };
  }
  if (hasExactly(frame, ['kind', 'v', 'mesh', 'name', 'commit']) && frame.kind === 'knock') {
    const { mesh, name, commit } = frame;
    if (isId(mesh) && isName(name) && parseBase64(commit, COMMIT_BYTES) !== undefined) {
      return { kind: 'knock', v: ours(frame.v), mesh, name, commit: String(commit) };
    }
  }
  if (hasExactly(frame, ['kind', 'v', 'mesh', 'name', 'proof']) && frame.kind === 'token') {
    const { mesh, name, proof } = frame;
    if (typeof mesh === 'string' && typeof proof === 'string' && isName(name)) {
      return { kind: 'token', v: ours(frame.v), mesh, name, proof };
    }
  }
  throw new VriftError('VRIFT_PEER_PROTOCOL', 'not a frame of this join protocol');
}

function ours(version: unknown): typeof JOIN_PROTOCOL {
  if (version === JOIN_PROTOCOL) return JOIN_PROTOCOL;
  throw new VriftError('VRIFT_PEER_PROTOCOL', `join protocol ${String(version).slice(0, 16)}`);
}

function refusal(code: ErrorCode): JoinAnswer {
  return { kind: 'refused', code: TOLD.has(code) ? code : 'VRIFT_JOIN_REFUSED' };
}
