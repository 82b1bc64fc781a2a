declare const brand: unique symbol;

/** BLAKE3-256 as 64 lowercase hex characters. */
export type Digest = string & { readonly [brand]: 'Digest' };

const PATTERN = /^[0-9a-f]{64}$/;

/** Whether `text` has the shape of a digest; says nothing about any content. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && PATTERN.test(text);
}

/** Mints a digest from text that the hashing library produced. */
export function asDigest(text: string): Digest {
  if (!isDigest(text)) throw new TypeError(`not a BLAKE3-256 digest: ${JSON.stringify(text)}`);
  return text;
}

/** One running hash; `digest` ends it and frees what the library holds. */
export interface HashStream {
  update(bytes: Uint8Array): void;
  digest(): Digest;
}

/** BLAKE3-256 as everyone but the store sees it: the library stays behind this. */
export interface Hasher {
  /** Text is hashed as UTF-8. */
  hash(data: Uint8Array | string): Digest;
  stream(): HashStream;
}
