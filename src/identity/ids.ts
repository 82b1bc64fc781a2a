import { createHash } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** 256 bits are 51 full characters and one that carries a single bit. */
const ID_PATTERN = /^[a-z2-7]{51}[aq]$/;

/** RFC 4648 base32 in lower case, without padding. */
export function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >>> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}

/** @returns undefined for anything that `toBase32` would not have written */
export function fromBase32(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8));
  let length = 0;
  let bits = 0;
  let held = 0;
  for (const char of text) {
    const value = ALPHABET.indexOf(char);
    if (value < 0) return undefined;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length] = held >>> bits;
      length += 1;
    }
    held &= (1 << bits) - 1;
  }
  const leftover = bits >= 5 || held !== 0;
  return leftover ? undefined : bytes.subarray(0, length);
}

/** SHA-256 in base32: what node ids, mesh ids and statement ids all are. */
export function hashId(bytes: Uint8Array): string {
  return toBase32(createHash('sha256').update(bytes).digest());
}

/** Whether `text` has the shape of a node, mesh or statement id. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && ID_PATTERN.test(text);
}
