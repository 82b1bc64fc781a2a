import { randomBytes } from 'node:crypto';
import { canonicalJson } from '../base/canonical.js';
import { hashId } from './ids.js';
import { isName } from './names.js';
import { isSafeSpki, nodeIdOf, SPKI_BYTES } from './spki.js';
import { isCanonical, parseBase64, parseFields } from './strictJson.js';

/** Names of 63 bytes, a key, a nonce: a genesis has about 250 bytes. */
export const MAX_GENESIS_BYTES = 1024;

const TYPE = 'vrift-genesis/1';
const NONCE_BYTES = 16;

/** The root of a mesh. It needs no signature: its hash is the mesh id. */
export interface Genesis {
  meshId: string;
  /** What people call the mesh. */
  name: string;
  /** Node id of the founder, admin from the start. */
  founder: string;
  founderName: string;
  /** Exactly what was hashed. */
  bytes: Buffer;
}

export function makeGenesis(spki: Buffer, name: string, founderName: string): Genesis {
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  const founder = spki.toString('base64');
  const text = canonicalJson({ type: TYPE, name, founder, founderName, nonce });
  const genesis = parseGenesis(Buffer.from(text, 'utf8'));
  if (genesis === undefined) throw new TypeError('a genesis needs two names and a safe key');
  return genesis;
}

/** @returns undefined for bytes that are no genesis of this version */
export function parseGenesis(bytes: Buffer): Genesis | undefined {
  if (bytes.length > MAX_GENESIS_BYTES) return undefined;
  const fields = parseFields(bytes, ['type', 'name', 'founder', 'founderName', 'nonce']);
  if (fields?.type !== TYPE) return undefined;
  const { name, founderName } = fields;
  const spki = parseBase64(fields.founder, SPKI_BYTES);
  const nonce = parseBase64(fields.nonce, NONCE_BYTES);
  if (!isName(name) || !isName(founderName) || nonce === undefined) return undefined;
  if (spki === undefined || !isSafeSpki(spki) || !isCanonical(bytes, fields)) return undefined;
  return { meshId: hashId(bytes), name, founder: nodeIdOf(spki), founderName, bytes };
}
