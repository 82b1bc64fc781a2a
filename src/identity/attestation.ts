import { canonicalJson } from '../base/canonical.js';
import { type Digest, isDigest } from '../base/digest.js';
import type { Attestation } from '../base/result.js';
import { ATTESTATION_TYPE, isSignedBy, SIGNATURE_BYTES, signPayload } from './dsse.js';
import type { NodeKey } from './nodeKey.js';
import { isSafeSpki, nodeIdOf, SPKI_BYTES } from './spki.js';
import { isCanonical, parseBase64, parseFields } from './strictJson.js';

/** Four digests and ids, a key and a time: a payload has about 400 bytes. */
const MAX_PAYLOAD_CHARS = 1024;

/** Who belongs, as far as an attestation's reader has to know. */
export interface CurrentMembers {
  readonly meshId: string;
  isMember(nodeId: string): boolean;
}

/** Why an attestation vouches for nothing; the order is that of the checks. */
export type AttestationFlaw =
  | 'malformed'
  | 'other mesh'
  | 'fields differ from what was signed'
  | 'signer is not a member'
  | 'bad signature';

/** What a node says of a result that it compiled itself. Never for one that it downloaded. */
export interface Testimony {
  mesh: string;
  resultKey: Digest;
  resultDigest: Digest;
  /** Milliseconds since the epoch. */
  at: number;
}

/** The payload also carries the signer's public key, so that it can be checked by itself. */
export function attest(
  key: NodeKey,
  { mesh, resultKey, resultDigest, at }: Testimony,
): Attestation {
  const signed = { mesh, resultKey, resultDigest, at, key: key.spki.toString('base64') };
  const payload = Buffer.from(canonicalJson(signed), 'utf8');
  return {
    mesh,
    signer: key.nodeId,
    resultKey,
    resultDigest,
    at,
    payload: payload.toString('base64'),
    signature: signPayload(key, ATTESTATION_TYPE, payload).toString('base64'),
  };
}

/**
 * Whether a current member signed exactly what the fields say. Which result it is about, and
 * whether the signer's role suffices, is the caller's to check.
 *
 * @param attestation as it came from a peer or the disk; any JSON value does no harm
 */
export function checkAttestation(
  attestation: Attestation,
  members: CurrentMembers,
): 'ok' | AttestationFlaw {
  const signed = readSigned(attestation);
  if (signed === undefined) return 'malformed';
  const { testimony, spki, payload, signature } = signed;
  if (testimony.mesh !== members.meshId) return 'other mesh';
  const signer = nodeIdOf(spki);
  const same =
    attestation.signer === signer &&
    attestation.mesh === testimony.mesh &&
    attestation.resultKey === testimony.resultKey &&
    attestation.resultDigest === testimony.resultDigest &&
    attestation.at === testimony.at;
  if (!same) return 'fields differ from what was signed';
  if (!members.isMember(signer)) return 'signer is not a member';
  return isSignedBy(spki, ATTESTATION_TYPE, payload, signature) ? 'ok' : 'bad signature';
}

interface Signed {
  testimony: Testimony;
  spki: Buffer;
  payload: Buffer;
  signature: Buffer;
}

function readSigned(attestation: Attestation): Signed | undefined {
  const text: unknown = attestation?.payload;
  if (typeof text !== 'string' || text.length > MAX_PAYLOAD_CHARS) return undefined;
  const payload = parseBase64(text);
  const signature = parseBase64(attestation.signature, SIGNATURE_BYTES);
  if (payload === undefined || signature === undefined) return undefined;
  const fields = parseFields(payload, ['mesh', 'resultKey', 'resultDigest', 'at', 'key']);
  const spki = parseBase64(fields?.key, SPKI_BYTES);
  if (fields === undefined || spki === undefined || !isSafeSpki(spki)) return undefined;
  const { mesh, resultKey, resultDigest, at } = fields;
  if (typeof mesh !== 'string' || !isDigest(resultKey) || !isDigest(resultDigest)) return undefined;
  if (typeof at !== 'number' || !isCanonical(payload, fields)) return undefined;
  return { testimony: { mesh, resultKey, resultDigest, at }, spki, payload, signature };
}
