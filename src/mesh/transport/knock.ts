import { VriftError } from '../../base/errors.js';
import { linkSignals } from '../../base/signals.js';
import { parseGenesis } from '../../identity/genesis.js';
import { codeOf, commitmentTo, drawNonce, secretOf } from '../../identity/knockCode.js';
import { Membership, type Welcome } from '../../identity/membership.js';
import { hasExactly, parseBase64 } from '../../identity/strictJson.js';
import {
  ADMIN_PROOF_LABEL,
  ALPN_JOIN,
  JOIN_PROTOCOL,
  KNOCK_MS,
  type KnockFrame,
  MAX_JOIN_FRAME_BYTES,
  MAX_WELCOME_FRAME_BYTES,
} from '../../wire/join.js';
import { parseAnswer } from './answer.js';
import { connectSecure } from './connect.js';
import { Conversation } from './conversation.js';
import type { JoinOptions } from './joinWithToken.js';
import { isProof, transcriptOf } from './transcript.js';

export interface KnockOptions extends JoinOptions {
  mesh: { id: string; name: string };
  /** Where admins of it say that they listen; at most `MAX_DOORS` are knocked at. */
  doors: readonly { host: string; port: number }[];
  /** To be shown to the person, and to nobody else, as soon as somebody listens. */
  onCode(code: string): void;
  knockMs?: number;
}

export const MAX_DOORS = 8;
/** Somebody who tries codes at us gets no more tries, and our code is void. */
const MAX_WRONG = 3;

/**
 * Waits at the doors of a mesh until one of its admins has typed the code that is shown here. The
 * code authenticates both sides: who proves to know it has read it here, and only we can open it.
 *
 * @throws VRIFT_KNOCK_UNANSWERED, VRIFT_KNOCK_FAILED when the code was answered wrongly three
 *   times, VRIFT_JOIN_REFUSED, VRIFT_JOIN_UNREACHABLE, the signal's reason; nothing is kept then
 */
export async function knock(options: KnockOptions): Promise<Membership> {
  const { dir, key, mesh, signal, knockMs = KNOCK_MS } = options;
  const knocker = { spki: key.spki, meshId: mesh.id };
  const nonce = drawNonce();
  const code = await codeOf(nonce, knocker);
  const secret = await secretOf(code, knocker);
  using all = linkSignals([signal], { deadlineMs: knockMs });
  const attempt = { nonce, secret, wrong: 0, shown: false, code, all };
  const doors = options.doors.slice(0, MAX_DOORS);
  try {
    const welcome = await Promise.any(doors.map((door) => waitAt(door, options, attempt)));
    return await Membership.accept(dir, key, welcome);
  } catch (error) {
    signal?.throwIfAborted();
    throw reasonOf(error, attempt);
  } finally {
    all.abort();
  }
}

interface Attempt {
  nonce: Buffer;
  secret: Buffer;
  code: string;
  wrong: number;
  shown: boolean;
  all: { signal: AbortSignal; abort(reason?: unknown): void };
}

async function waitAt(
  door: { host: string; port: number },
  options: KnockOptions,
  attempt: Attempt,
): Promise<Welcome> {
  const { key, mesh, nodeName, timeoutMs, knockMs = KNOCK_MS } = options;
  const { signal } = attempt.all;
  const { socket, spki } = await connectSecure({
    ...door,
    key,
    alpn: ALPN_JOIN,
    expect: () => true,
    timeoutMs,
    signal,
  });
  using talk = new Conversation(socket, {
    maxBytes: MAX_JOIN_FRAME_BYTES,
    deadlineMs: knockMs + timeoutMs,
  });
  signal.addEventListener('abort', () => socket.destroy());
  if (signal.aborted) socket.destroy();
  const transcript = transcriptOf(socket, { meshId: mesh.id, newcomer: key.spki, member: spki });
  talk.send({
    kind: 'knock',
    v: JOIN_PROTOCOL,
    mesh: mesh.id,
    name: nodeName,
    commit: commitmentTo(attempt.nonce).toString('base64'),
  } satisfies KnockFrame);
  const heard = await talk.nextWithin(timeoutMs);
  if (!hasExactly(heard, ['kind']) || heard.kind !== 'waiting') throw refusalIn(heard, mesh.id);
  if (!attempt.shown) options.onCode(attempt.code);
  attempt.shown = true;
  for (;;) {
    const frame = await talk.next();
    if (!hasExactly(frame, ['kind', 'proof']) || frame.kind !== 'proof') {
      throw refusalIn(frame, mesh.id);
    }
    const proof = parseBase64(frame.proof) ?? Buffer.alloc(0);
    if (isProof(proof, { secret: attempt.secret, label: ADMIN_PROOF_LABEL, transcript })) break;
    attempt.wrong += 1;
    if (attempt.wrong >= MAX_WRONG) attempt.all.abort(new Error('wrong answers'));
    talk.send({ kind: 'wrong' });
  }
  talk.allow(MAX_WELCOME_FRAME_BYTES);
  talk.send({ kind: 'open', nonce: attempt.nonce.toString('base64') });
  return named(parseAnswer(await talk.next(), mesh.id, REFUSALS), mesh.name);
}

/** The id is checked with the genesis; what a person chose by is the name. */
function named(welcome: Welcome, name: string): Welcome {
  if (parseGenesis(welcome.genesis)?.name === name) return welcome;
  throw new VriftError('VRIFT_JOIN_REFUSED', `the mesh is not called ${name}`);
}

/** Before the proof, a welcome is no welcome: whoever sends it does not know the code. */
function refusalIn(frame: unknown, meshId: string): unknown {
  try {
    parseAnswer(frame, meshId, REFUSALS);
  } catch (error) {
    return error;
  }
  return new VriftError('VRIFT_JOIN_REFUSED', 'it welcomes without the code');
}

const REFUSALS: Readonly<Record<string, string>> = {
  VRIFT_JOIN_REFUSED: 'an admin denied it, or too many machines knock there',
  VRIFT_PEER_PROTOCOL: 'the mesh speaks another version of the join protocol',
};

/** One reason for all doors: the most telling one. */
function reasonOf(error: unknown, { wrong, shown, all }: Attempt): unknown {
  if (wrong >= MAX_WRONG) {
    return new VriftError('VRIFT_KNOCK_FAILED', 'wrong codes were tried three times');
  }
  const reason: unknown = all.signal.reason;
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new VriftError('VRIFT_KNOCK_UNANSWERED', 'nobody approved it in ten minutes');
  }
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const known = causes.filter((cause) => cause instanceof VriftError);
  const isVague = ({ code }: VriftError) =>
    code === 'VRIFT_JOIN_UNREACHABLE' || code === 'VRIFT_FRAME_INVALID';
  const refused = known.find((each) => !isVague(each));
  if (refused !== undefined) return refused;
  const strange = known.find(({ code }) => code === 'VRIFT_FRAME_INVALID');
  if (strange !== undefined) {
    const message = 'what answers there does not speak the join protocol';
    return new VriftError('VRIFT_PEER_PROTOCOL', message, { cause: strange });
  }
  const message = shown ? 'no admin that was knocked at is there any more' : 'no admin answers';
  return new VriftError('VRIFT_JOIN_UNREACHABLE', message, { cause: error });
}
