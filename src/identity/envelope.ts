import { canonicalJson } from '../base/canonical.js';
import { isSignedBy, paeOf, SIGNATURE_BYTES, STATEMENT_TYPE, signPayload } from './dsse.js';
import { hashId, isId } from './ids.js';
import type { NodeKey } from './nodeKey.js';
import { isSafeSpki, nodeIdOf, SPKI_BYTES } from './spki.js';
import { type Claim, parseClaim, type Statement } from './statements.js';
import { isCanonical, parseBase64, parseFields, parseObject } from './strictJson.js';

/** A revoke that keeps as many adds as it may has about 150 KiB. */
export const MAX_ENVELOPE_BYTES = 192 * 1024;

/** A statement as it is stored and sent: the signed bytes stay verbatim for ever. */
export interface Envelope {
  statement: Statement;
  /** `{"payload":…,"signature":…}`, canonical, both base64. */
  bytes: Buffer;
  /** Whether the author signed it. Costs about 0.1 ms, so ask only when the answer matters. */
  isAuthentic(): boolean;
}

export function signStatement(key: NodeKey, mesh: string, claim: Claim): Envelope {
  const author = key.spki.toString('base64');
  const payload = Buffer.from(canonicalJson({ ...claim, mesh, author }), 'utf8');
  const signature = signPayload(key, STATEMENT_TYPE, payload);
  const text = canonicalJson({
    payload: payload.toString('base64'),
    signature: signature.toString('base64'),
  });
  const envelope = parseEnvelope(Buffer.from(text, 'utf8'));
  if (envelope === undefined) throw new TypeError(`not a valid claim: ${claim.type}`);
  return envelope;
}

/**
 * Reads the form of an envelope; whether its signature holds is asked separately.
 *
 * @returns undefined for bytes that no `signStatement` wrote
 */
export function parseEnvelope(bytes: Buffer): Envelope | undefined {
  if (bytes.length > MAX_ENVELOPE_BYTES) return undefined;
  const outer = parseFields(bytes, ['payload', 'signature']);
  const payload = parseBase64(outer?.payload);
  const signature = parseBase64(outer?.signature, SIGNATURE_BYTES);
  if (payload === undefined || signature === undefined || !isCanonical(bytes, outer)) {
    return undefined;
  }
  const signed = parsePayload(payload);
  if (signed === undefined) return undefined;
  return {
    statement: signed.statement,
    bytes,
    isAuthentic: () => isSignedBy(signed.spki, STATEMENT_TYPE, payload, signature),
  };
}

function parsePayload(payload: Buffer): { statement: Statement; spki: Buffer } | undefined {
  const fields = parseObject(payload);
  if (fields === undefined) return undefined;
  const claim = parseClaim(fields);
  const spki = parseBase64(fields.author, SPKI_BYTES);
  const { mesh } = fields;
  if (claim === undefined || spki === undefined || !isId(mesh)) return undefined;
  if (!isSafeSpki(spki) || !isCanonical(payload, fields)) return undefined;
  const id = hashId(paeOf(STATEMENT_TYPE, payload));
  return { statement: { ...claim, id, mesh, author: nodeIdOf(spki) }, spki };
}
