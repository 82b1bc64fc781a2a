import { errnoOf, VriftError } from '../../base/errors.js';
import { linkSignals } from '../../base/signals.js';
import { Membership } from '../../identity/membership.js';
import type { NodeKey } from '../../identity/nodeKey.js';
import { parseToken, splitAddress, type Token } from '../../identity/token.js';
import {
  ALPN_JOIN,
  JOIN_PROTOCOL,
  MAX_WELCOME_FRAME_BYTES,
  TOKEN_PROOF_LABEL,
  type TokenFrame,
} from '../../wire/join.js';
import { parseAnswer } from './answer.js';
import { connectSecure, type SecureConnection } from './connect.js';
import { Conversation } from './conversation.js';
import { proofOf, transcriptOf } from './transcript.js';

export interface JoinOptions {
  /** Where the mesh files go. */
  dir: string;
  key: NodeKey;
  /** What this machine is called in the mesh; must satisfy `isName` (see `toName`). */
  nodeName: string;
  /** For connecting, and once more for the answer. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * Redeems a token at the one node that made it. Safe to repeat with the same key. A mesh of this
 * node alone is left for the new one.
 *
 * @throws VRIFT_TOKEN_MALFORMED, VRIFT_TOKEN_EXPIRED, VRIFT_TOKEN_USED, VRIFT_TOKEN_FOREIGN,
 *   VRIFT_JOIN_UNREACHABLE when the inviter answers at none of its addresses,
 *   VRIFT_JOIN_REFUSED, VRIFT_MESH_MEMBER; nothing is kept then
 */
export async function joinWithToken(text: string, options: JoinOptions): Promise<Membership> {
  const token = parseToken(text);
  const { dir, key, timeoutMs } = options;
  const current = await Membership.open(dir, key);
  if (current?.meshId === token.meshId && current.isMember(key.nodeId)) return current;
  if (current !== undefined && !current.isAlone) {
    throw new VriftError('VRIFT_MESH_MEMBER', `this node belongs to the mesh ${current.name}`);
  }
  const { socket, spki } = await reachInviter(token, options);
  using talk = new Conversation(socket, {
    maxBytes: MAX_WELCOME_FRAME_BYTES,
    deadlineMs: timeoutMs,
  });
  using abort = linkSignals([options.signal]);
  abort.signal.addEventListener('abort', () => socket.destroy());
  const { meshId } = token;
  const transcript = transcriptOf(socket, { meshId, newcomer: key.spki, member: spki });
  const proof = proofOf(token.secret, TOKEN_PROOF_LABEL, transcript).toString('base64');
  const name = options.nodeName;
  talk.send({ kind: 'token', v: JOIN_PROTOCOL, mesh: meshId, name, proof } satisfies TokenFrame);
  const welcome = parseAnswer(await talk.next(), meshId, REFUSALS);
  return await Membership.accept(dir, key, welcome);
}

/** Dials all addresses at once: some of them always belong to networks that we are not in. */
async function reachInviter(token: Token, options: JoinOptions): Promise<SecureConnection> {
  const { key, timeoutMs, signal } = options;
  using race = linkSignals([signal]);
  let winner: SecureConnection | undefined;
  const attempts = token.addresses.map(async (address) => {
    const connection = await connectSecure({
      ...splitAddress(address),
      key,
      alpn: ALPN_JOIN,
      expect: token.inviter,
      timeoutMs,
      signal: race.signal,
    });
    if (winner !== undefined) connection.socket.destroy();
    winner ??= connection;
    race.abort();
    return winner;
  });
  try {
    return await Promise.any(attempts);
  } catch (cause) {
    signal?.throwIfAborted();
    const reasons = cause instanceof AggregateError ? cause.errors.map(reasonOf) : [];
    const tried = token.addresses.map((address, index) => `${address} (${reasons[index]})`);
    const message = `the inviting machine answers at none of ${tried.join(', ')}`;
    throw new VriftError('VRIFT_JOIN_UNREACHABLE', message, { cause });
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof VriftError) return 'another machine answers';
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no answer in time';
  return errnoOf(error) ?? 'hung up';
}

const REFUSALS: Readonly<Record<string, string>> = {
  VRIFT_TOKEN_EXPIRED: 'the token expired',
  VRIFT_TOKEN_USED: 'another node used the token',
  VRIFT_TOKEN_FOREIGN: 'the inviting machine belongs to another mesh now',
  VRIFT_PEER_PROTOCOL: 'the inviting machine speaks another version of the join protocol',
};
