import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase32, hashId, isId, toBase32 } from '../../src/identity/ids.js';
import { isSafeSpki, publicKeyOf, spkiOf } from '../../src/identity/spki.js';

const PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const P = 2n ** 255n - 19n;

describe('keys that may be a node', () => {
  it('are what the library makes', () => {
    for (let round = 0; round < 50; round += 1) {
      expect(isSafeSpki(spkiOf(generateKeyPairSync('ed25519').publicKey))).toBe(true);
    }
  });

  it('are not the eight points of low order, in any spelling', () => {
    for (const y of lowOrderYs()) {
      for (const sign of [0, 0x80]) {
        expect(isSafeSpki(spkiFor(y, sign)), `${y}`).toBe(false);
        if (y + P < 2n ** 255n) expect(isSafeSpki(spkiFor(y + P, sign))).toBe(false);
      }
    }
  });

  it('are refused because the identity point verifies any message', () => {
    const spki = spkiFor(1n, 0);
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const forged = Buffer.concat([spki.subarray(PREFIX.length), Buffer.alloc(32)]);
    expect(verify(null, Buffer.from('anything'), publicKey, forged)).toBe(true);
    expect(() => publicKeyOf(spki)).toThrow(TypeError);
  });

  it('have one spelling: no other length, prefix or y beyond the prime', () => {
    const good = spkiOf(generateKeyPairSync('ed25519').publicKey);
    const x25519 = spkiOf(generateKeyPairSync('x25519').publicKey);
    expect(isSafeSpki(Buffer.concat([good, Buffer.alloc(1)]))).toBe(false);
    expect(isSafeSpki(good.subarray(0, -1))).toBe(false);
    expect(isSafeSpki(x25519)).toBe(false);
    for (let y = P; y < 2n ** 255n; y += 1n) expect(isSafeSpki(spkiFor(y, 0))).toBe(false);
  });
});

describe('base32', () => {
  it('reads what it wrote and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const text = toBase32(bytes);
        expect(fromBase32(text)).toEqual(Buffer.from(bytes));
      }),
    );
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z2-7]{0,20}$/), (text) => {
        const bytes = fromBase32(text);
        if (bytes !== undefined) expect(toBase32(bytes)).toBe(text);
      }),
    );
  });

  it('agrees with RFC 4648', () => {
    expect(toBase32(Buffer.from('foobar'))).toBe('mzxw6ytboi');
    expect(toBase32(Buffer.from('fooba'))).toBe('mzxw6ytb');
    expect(toBase32(Buffer.from('f'))).toBe('my');
    expect(fromBase32('mz')).toBeUndefined();
    expect(fromBase32('M')).toBeUndefined();
    expect(isId(hashId(Buffer.from('x')))).toBe(true);
  });
});

/**
 * The y of every point whose order divides 8. Order 1, 2 and 4 are 1, −1 and 0. Doubling a point
 * of order 8 gives y = 0, so x² = −y²; in the curve's equation that makes d·y⁴ + 2y² − 1 = 0.
 */
function lowOrderYs(): bigint[] {
  const d = mod(-121665n * inverse(121666n));
  const root = squareRoot(mod(1n + d));
  const ys = [root, mod(-root)].flatMap((r) => {
    const square = mod((r - 1n) * inverse(d));
    const y = trySquareRoot(square);
    return y === undefined ? [] : [y, mod(-y)];
  });
  expect(ys).toHaveLength(2);
  return [0n, 1n, P - 1n, ...ys];
}

function spkiFor(y: bigint, sign: number): Buffer {
  const bytes = Buffer.from(Buffer.from(y.toString(16).padStart(64, '0'), 'hex').toReversed());
  bytes[31] = (bytes[31] ?? 0) | sign;
  return Buffer.concat([PREFIX, bytes]);
}

function mod(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) {
    if (e & 1n) result = mod(result * b);
  }
  return result;
}

function inverse(value: bigint): bigint {
  return power(value, P - 2n);
}

function trySquareRoot(value: bigint): bigint | undefined {
  const candidate = power(value, (P + 3n) / 8n);
  const imaginary = power(2n, (P - 1n) / 4n);
  return [candidate, mod(candidate * imaginary)].find((root) => mod(root * root) === mod(value));
}

function squareRoot(value: bigint): bigint {
  const root = trySquareRoot(value);
  if (root === undefined) throw new Error('not a square');
  return root;
}
