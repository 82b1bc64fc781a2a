import { createPublicKey, type KeyObject } from 'node:crypto';
import { hashId } from './ids.js';

/** The DER of every Ed25519 SubjectPublicKeyInfo, up to the 32 bytes of the point. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

export const SPKI_BYTES = SPKI_PREFIX.length + 32;

/** 2^255 − 19, little-endian like every encoded point. */
const FIELD_PRIME = point('ed', 'ff'.repeat(30), '7f');

/**
 * The y coordinates of the eight points of low order. A key that is one of them verifies a
 * signature over any message, so it proves nothing about who holds it.
 */
const LOW_ORDER = [
  point('00', '00'.repeat(30), '00'),
  point('01', '00'.repeat(30), '00'),
  point('26', 'e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc', '05'),
  point('c7', '176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03', '7a'),
  point('ec', 'ff'.repeat(30), '7f'),
];

/**
 * Whether these bytes are the one encoding of an Ed25519 key that can identify a node. A second
 * encoding of the same point would be a second node id, with which a revoked key could return.
 */
export function isSafeSpki(spki: Uint8Array): boolean {
  if (spki.length !== SPKI_BYTES) return false;
  const bytes = Buffer.from(spki);
  if (!bytes.subarray(0, SPKI_PREFIX.length).equals(SPKI_PREFIX)) return false;
  const y = bytes.subarray(SPKI_PREFIX.length);
  y[31] = (y[31] ?? 0) & 0x7f;
  return isBelowPrime(y) && !LOW_ORDER.some((low) => low.equals(y));
}

/** The node id of a key: base32 of SHA-256 of its SPKI DER. Says nothing about its safety. */
export function nodeIdOf(spki: Uint8Array): string {
  return hashId(spki);
}

/** Making a key object costs more than checking a signature with it; an office has few keys. */
const known = new Map<string, KeyObject>();
const MAX_KNOWN = 1_024;

/** @throws TypeError for a key that `isSafeSpki` refuses */
export function publicKeyOf(spki: Uint8Array): KeyObject {
  const bytes = Buffer.from(spki);
  const name = bytes.toString('latin1');
  const held = known.get(name);
  if (held !== undefined) return held;
  if (!isSafeSpki(spki)) throw new TypeError('not a usable Ed25519 public key');
  const key = createPublicKey({ key: bytes, format: 'der', type: 'spki' });
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(name, key);
  return key;
}

export function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function isBelowPrime(y: Buffer): boolean {
  for (let index = 31; index >= 0; index -= 1) {
    const difference = (y[index] ?? 0) - (FIELD_PRIME[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function point(first: string, middle: string, last: string): Buffer {
  return Buffer.from(first + middle + last, 'hex');
}
