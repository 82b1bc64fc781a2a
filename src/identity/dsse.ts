import { verify } from 'node:crypto';
import type { NodeKey } from './nodeKey.js';
import { publicKeyOf } from './spki.js';

/** Each kind of signed document has a type of its own: no signature serves as another kind's. */
export const STATEMENT_TYPE = 'application/vnd.vrift.statement.v1+json';
export const ATTESTATION_TYPE = 'application/vnd.vrift.attestation.v1+json';

/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;

/** The pre-authentication encoding of DSSE v1: the exact bytes that are signed. */
export function paeOf(type: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

export function signPayload(key: NodeKey, type: string, payload: Uint8Array): Buffer {
  return key.sign(paeOf(type, payload));
}

/** Whether the holder of `spki`, a key that `isSafeSpki` accepted, signed this payload. */
export function isSignedBy(
  spki: Uint8Array,
  type: string,
  payload: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verify(null, paeOf(type, payload), publicKeyOf(spki), signature);
}
