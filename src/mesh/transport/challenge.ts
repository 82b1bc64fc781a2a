import { codeOf, commitmentTo, KNOCK_NONCE_BYTES, secretOf } from '../../identity/knockCode.js';
import type { Membership } from '../../identity/membership.js';
import type { NodeKey } from '../../identity/nodeKey.js';
import { hasExactly, parseBase64 } from '../../identity/strictJson.js';
import { ADMIN_PROOF_LABEL, OPEN_MS } from '../../wire/join.js';
import type { Pending } from './knocks.js';
import { proofOf, transcriptOf } from './transcript.js';

/** `opened`: its code is this one. `other`: it has another code. `fault`: no newcomer of ours. */
export type Answer = 'opened' | 'other' | 'fault';

/**
 * Proves to a newcomer that somebody here has read its code, without showing it, and checks that
 * the number which it then opens makes that code with the key of this very connection.
 */
export async function challenge(
  { socket, spki, talk, commit }: Pick<Pending, 'socket' | 'spki' | 'talk' | 'commit'>,
  code: string,
  { membership, key }: { membership: Membership; key: NodeKey },
): Promise<Answer> {
  const { meshId } = membership;
  const knocker = { spki, meshId };
  const secret = await secretOf(code, knocker);
  if (socket.destroyed) return 'fault';
  const transcript = transcriptOf(socket, { meshId, newcomer: spki, member: key.spki });
  const proof = proofOf(secret, ADMIN_PROOF_LABEL, transcript).toString('base64');
  talk.send({ kind: 'proof', proof });
  const frame = await talk.nextWithin(OPEN_MS).catch(() => undefined);
  if (hasExactly(frame, ['kind']) && frame.kind === 'wrong') return 'other';
  if (!hasExactly(frame, ['kind', 'nonce']) || frame.kind !== 'open') return 'fault';
  const nonce = parseBase64(frame.nonce, KNOCK_NONCE_BYTES);
  if (nonce === undefined || commitmentTo(nonce).toString('base64') !== commit) return 'fault';
  return (await codeOf(nonce, knocker)) === code ? 'opened' : 'fault';
}
