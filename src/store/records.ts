import { type Digest, isDigest } from '../base/digest.js';
import type { ErrorCode } from '../base/errors.js';
import type { Attestation, Manifest, Result } from '../base/result.js';

/** One result as the store keeps it: what was compiled, and who vouches for it. */
export interface StoredResult {
  result: Result;
  manifest: Manifest;
  resultDigest: Digest;
  attestations: Attestation[];
  /** Never leaves this machine. */
  localOnly: boolean;
  /** Who compiled it: this node, a peer, or whoever filled a remote. */
  origin: 'own' | 'peer' | 'remote';
  /** Node id of the member whose attestation it was accepted for. */
  signer?: string;
  /** Adopted beside one of this node's own, and not restored so far. */
  untried?: true;
  /** Local-only for a setting alone: the code is private. Whoever uses it without one ends that. */
  withheld?: true;
}

/** Something the store did on its own that a person may want to know. */
export interface StoreEvent {
  code: ErrorCode;
  message: string;
  digest?: Digest;
}

/** What the index knows of one blob. */
export interface BlobRecord {
  size: number;
  /** Decimal nanoseconds; '' once the file is gone while results still name it. */
  mtimeNs: string;
  /** Session that wrote it, until its bytes were synced; 0 from then on. */
  epoch: number;
  /** Stored results that name it. */
  refs: number;
  /** Those of them that peers may have. */
  shared: number;
}

export type StoredEntry = Omit<StoredResult, 'manifest'>;

/** Everything under one result key, which stands for one unit key and one manifest. */
export interface Bucket {
  unitKey: Digest;
  manifestDigest: Digest;
  manifest: Manifest;
  entries: StoredEntry[];
  /** Estimated bytes in the index. */
  cost: number;
}

/** How a value becomes text in the index; `decode` answers undefined for what it cannot read. */
export interface Codec<T> {
  encode(value: T): string;
  decode(text: string): T | undefined;
}

export const blobCodec: Codec<BlobRecord> = {
  encode: ({ size, mtimeNs, epoch, refs, shared }) =>
    JSON.stringify([size, mtimeNs, epoch, refs, shared]),
  decode(text) {
    const [size, mtimeNs, epoch, refs, shared] = JSON.parse(text) as unknown[];
    if (!isCount(size) || typeof mtimeNs !== 'string') return undefined;
    if (!isCount(epoch) || !isCount(refs) || !isCount(shared)) return undefined;
    return { size, mtimeNs, epoch, refs, shared };
  },
};

export const bucketCodec: Codec<Bucket> = {
  encode: JSON.stringify,
  decode(text) {
    const bucket = JSON.parse(text) as Partial<Bucket> | null;
    if (!isDigest(bucket?.unitKey) || !isDigest(bucket.manifestDigest)) return undefined;
    if (!bucket.manifest || !isCount(bucket.cost) || !Array.isArray(bucket.entries))
      return undefined;
    const whole = bucket.entries.every((entry) => isDigest(entry?.resultDigest) && entry.result);
    return whole ? (bucket as Bucket) : undefined;
  },
};

/** Result keys of one unit, the most recently used first. */
export const unitCodec: Codec<Digest[]> = {
  encode: JSON.stringify,
  decode(text) {
    const keys: unknown = JSON.parse(text);
    return Array.isArray(keys) && keys.every(isDigest) ? keys : undefined;
  },
};

export function jsonCodec<T>(): Codec<T> {
  return { encode: JSON.stringify, decode: (text) => JSON.parse(text) as T };
}

/** Totals, written together with what they count. */
export interface Counts {
  bytes: number;
  blobs: number;
  results: number;
}

export const countsCodec: Codec<Counts> = {
  encode: JSON.stringify,
  decode(text) {
    const { bytes, blobs, results } = JSON.parse(text) as Partial<Counts>;
    if (!isCount(bytes) || !isCount(blobs) || !isCount(results)) return undefined;
    return { bytes, blobs, results };
  },
};

/** Every blob a result names, each once, with its size. */
export function blobsOf(result: Result): Map<Digest, number> {
  const blobs = new Map<Digest, number>();
  for (const output of result.outputs) blobs.set(output.digest, output.size);
  blobs.set(result.stdout.digest, result.stdout.size);
  blobs.set(result.stderr.digest, result.stderr.size);
  return blobs;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
