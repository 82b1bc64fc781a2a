import { constants } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import type { Digest } from '../base/digest.js';
import { type Attestation, type Manifest, RESULT_SCHEMA, type Result } from '../base/result.js';
import { ENVIRONMENT, type TextDatabase, VALUES } from './environment.js';
import { orderKey, parseOrderKey } from './recency.js';
import {
  type BlobRecord,
  type Bucket,
  blobCodec,
  blobsOf,
  bucketCodec,
  type Codec,
  jsonCodec,
  type StoredEntry,
  unitCodec,
} from './records.js';
import { LAST } from './rows.js';
import { statFile } from './stamp.js';

/** How the store calls the use of results among its other tables. */
const RESULTS = 'results';
/** Where keys of results stand that are withheld. No table has such a name. */
export const WITHHELD = '_withheld/';
/** Without a use for so long, what comes after is another build. */
const SESSION_GAP_MS = 60_000;
/** Results that are told of though they were used before the one that was asked about. */
const BEFORE = 32;

/** What a peer may have of one result. */
export interface Shareable {
  manifest: Manifest;
  result: Result;
  attestations: Attestation[];
  /** `own` results are vouched for by this node, others by whoever signed for them. */
  origin: 'own' | 'peer' | 'remote';
}

export interface OpenBlob {
  handle: FileHandle;
  size: number;
}

/**
 * The store as another thread of its process sees it: what may leave this machine, read-only. It
 * sees what the store has flushed. Nothing it cannot read is more than absent.
 */
export class StoreReader {
  readonly #cas: string;
  readonly #environment: RootDatabase<string, string>;
  readonly #blobs: TextDatabase;
  readonly #results: TextDatabase;
  readonly #units: TextDatabase;
  readonly #tables: TextDatabase;
  readonly #used: TextDatabase;
  readonly #order: TextDatabase;

  /** The store must be open in this process. @throws what LMDB throws */
  static open(path: string): StoreReader {
    return new StoreReader(path);
  }

  private constructor(path: string) {
    this.#cas = join(path, 'cas');
    this.#environment = open({ path: join(path, 'index'), readOnly: true, ...ENVIRONMENT });
    this.#blobs = this.#environment.openDB('blobs', VALUES);
    this.#results = this.#environment.openDB('results', VALUES);
    this.#units = this.#environment.openDB('units', VALUES);
    this.#tables = this.#environment.openDB('tables', VALUES);
    this.#used = this.#environment.openDB('used', VALUES);
    this.#order = this.#environment.openDB('order', VALUES);
  }

  /** Results for a unit key that peers may have, with every blob's file in place. */
  candidates(unitKey: Digest): Shareable[] {
    this.#environment.resetReadTxn();
    const found: Shareable[] = [];
    for (const resultKey of get(this.#units, unitCodec, unitKey) ?? []) {
      const bucket = get(this.#results, bucketCodec, resultKey);
      for (const { result, attestations, localOnly, origin } of bucket?.entries ?? []) {
        if (!bucket || localOnly || result.schema !== RESULT_SCHEMA) continue;
        if (!this.#isWhole(result)) continue;
        found.push({ manifest: bucket.manifest, result, attestations, origin });
      }
    }
    return found;
  }

  /** What the store holds under a result key, local-only results included. */
  bucket(resultKey: Digest): Bucket | undefined {
    this.#environment.resetReadTxn();
    return get(this.#results, bucketCodec, resultKey);
  }

  /**
   * Unit keys of what a build used with that unit: some that came shortly before (a compile ends
   * after those that need its metadata only), then what came after, both in the order of use, for
   * as long as no minute passed without one. None that must stay on this machine.
   */
  usedAround(
    unitKey: Digest,
    limit: number,
    mayTell: (entry: StoredEntry) => boolean = ({ localOnly }) => !localOnly,
  ): Digest[] {
    this.#environment.resetReadTxn();
    const ticks = (get(this.#units, unitCodec, unitKey) ?? []).map((key) => this.#lastUsed(key));
    const last = Math.max(-1, ...ticks);
    if (last < 0) return [];
    const at = `${RESULTS}/${orderKey(last, '')}`;
    const found = new Set<Digest>();
    const earlier = { start: at, end: `${RESULTS}/`, reverse: true, limit: BEFORE };
    for (const key of this.#session(last, earlier, mayTell).toReversed()) found.add(key);
    // As many again for what is not shared, or of the same key.
    const later = { start: at, end: `${RESULTS}/${LAST}`, limit: 2 * limit };
    for (const key of this.#session(last, later, mayTell)) found.add(key);
    found.delete(unitKey);
    return [...found].slice(0, limit);
  }

  /** Unit keys of shareable results in a range of uses, up to the first minute without one. */
  #session(from: number, range: KeyRange, mayTell: (entry: StoredEntry) => boolean): Digest[] {
    const found: Digest[] = [];
    let previous = from;
    for (const row of keysIn(this.#order, range)) {
      const { tick, key } = parseOrderKey(row.slice(RESULTS.length + 1));
      if (Math.abs(tick - previous) > SESSION_GAP_MS) break;
      previous = tick;
      const bucket = get(this.#results, bucketCodec, key);
      if (bucket?.entries.some(mayTell)) found.push(bucket.unitKey);
    }
    return found;
  }

  /** A blob that some shareable result names. The caller closes the handle. */
  async openBlob(digest: Digest): Promise<OpenBlob | undefined> {
    this.#environment.resetReadTxn();
    const record = get(this.#blobs, blobCodec, digest);
    if (!record || record.shared === 0) return undefined;
    return openBlobFile(this.#path(digest), record);
  }

  /** A value of one of the store's tables (store/table.ts), as its owner wrote it. */
  row<T>(table: string, key: string): T | undefined {
    this.#environment.resetReadTxn();
    return get(this.#tables, jsonCodec<T>(), `${table}/${key}`);
  }

  /** How many result keys the store holds: local-only ones included, private code's not. */
  resultCount(): number {
    this.#environment.resetReadTxn();
    const { entryCount } = this.#results.getStats() as { entryCount?: number };
    return Math.max(0, (entryCount ?? 0) - countIn(this.#tables, WITHHELD));
  }

  async close(): Promise<void> {
    await this.#environment.close();
  }

  #lastUsed(resultKey: string): number {
    return get(this.#used, jsonCodec<number>(), `${RESULTS}/${resultKey}`) ?? -1;
  }

  #isWhole(result: Result): boolean {
    for (const [digest, size] of blobsOf(result)) {
      const stat = statFile(this.#path(digest), false);
      if (stat === undefined || Number(stat.size) !== size) return false;
    }
    return true;
  }

  #path(digest: Digest): string {
    return `${this.#cas}/${digest.slice(0, 2)}/${digest}`;
  }
}

/** Opens a blob's file if it still is what its record says; never through a symbolic link. */
export async function openBlobFile(
  path: string,
  { size, mtimeNs }: Pick<BlobRecord, 'size' | 'mtimeNs'>,
): Promise<OpenBlob | undefined> {
  const handle = await openFile(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(
    () => undefined,
  );
  if (!handle) return undefined;
  const stat = await handle.stat({ bigint: true }).catch(() => undefined);
  const same = stat?.isFile() && Number(stat.size) === size && String(stat.mtimeNs) === mtimeNs;
  if (same) return { handle, size };
  await handle.close();
  return undefined;
}

function countIn(database: TextDatabase, prefix: string): number {
  try {
    return database.getKeysCount({ start: prefix, end: prefix + LAST });
  } catch {
    return 0;
  }
}

interface KeyRange {
  start: string;
  end: string;
  limit: number;
  reverse?: boolean;
}

function keysIn(database: TextDatabase, range: KeyRange): string[] {
  try {
    return [...database.getKeys(range)];
  } catch {
    return [];
  }
}

function get<T>(database: TextDatabase, codec: Codec<T>, key: string): T | undefined {
  try {
    const text = database.get(key);
    return text === undefined ? undefined : codec.decode(text);
  } catch {
    return undefined;
  }
}
