import { createHash, randomBytes, scrypt } from 'node:crypto';

import { fromBase32 } from './ids.js';

/** Digits and letters without I, L, O and U: what is read aloud is typed right (Crockford). */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Bytes of the number behind a code. */
export const KNOCK_NONCE_BYTES = 16;

const CODE_CHARS = 8;
const CODE_BYTES = 5;
const SECRET_BYTES = 32;

/** About 0.1 s and 32 MiB a try: 2^40 codes are out of reach for the ten minutes of a knock. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** Tells the two uses of scrypt apart. */
const CODE_SALT = 'vrift-knock-code-1';

/** Whose knock a code stands for: the newcomer's SPKI, and the mesh that it means. */
export interface Knocker {
  spki: Buffer;
  meshId: string;
}

export function drawNonce(): Buffer {
  return randomBytes(KNOCK_NONCE_BYTES);
}

/** Binds a newcomer to one number, and so to one code, before anybody types it. */
export function commitmentTo(nonce: Buffer): Buffer {
  return createHash('sha256').update(nonce).digest();
}

/**
 * The eight characters that a newcomer shows. Nobody can choose a number behind a given code, for
 * a key or a mesh of their own: it is committed to before the code is known.
 */
export async function codeOf(nonce: Buffer, { spki, meshId }: Knocker): Promise<string> {
  const password = Buffer.concat([nonce, spki, idBytes(meshId)]);
  const bits = await derive(password, Buffer.from(CODE_SALT), CODE_BYTES);
  let value = 0n;
  for (const byte of bits) value = (value << 8n) | BigInt(byte);
  let code = '';
  for (let at = CODE_CHARS - 1; at >= 0; at -= 1) {
    code += ALPHABET[Number((value >> BigInt(5 * at)) & 31n)];
  }
  return code;
}

/** What both sides make proofs with: only who has read the code has it. */
export function secretOf(code: string, { spki, meshId }: Knocker): Promise<Buffer> {
  return derive(Buffer.from(code), Buffer.concat([spki, idBytes(meshId)]), SECRET_BYTES);
}

/** As people read it: `4F7K-9QXM`. */
export function codeText(code: string): string {
  return `${code.slice(0, CODE_CHARS / 2)}-${code.slice(CODE_CHARS / 2)}`;
}

/** What a person typed: case, hyphens and the letters that look like digits do not matter. */
export function parseCode(text: string): string | undefined {
  const code = text
    .slice(0, 64)
    .toUpperCase()
    .replace(/[\s-]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
  return code.length === CODE_CHARS && [...code].every((char) => ALPHABET.includes(char))
    ? code
    : undefined;
}

function idBytes(id: string): Buffer {
  return fromBase32(id) ?? Buffer.alloc(0);
}

function derive(password: Buffer, salt: Buffer, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, COST, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
