import { randomInt } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import type { Digest, Hasher } from '../base/digest.js';
import { toVriftError, VriftError } from '../base/errors.js';
import type { Manifest } from '../base/result.js';
import { audit } from './audit.js';
import { Blobs, UNVERIFIED } from './blobs.js';
import { leaveCleanMark, takeCleanMark } from './clean.js';
import { hasIndex, makeIndex, OpenIndex } from './environment.js';
import { Epochs } from './epochs.js';
import { Eviction } from './eviction.js';
import { FileDigests } from './files.js';
import { Intake, type PutFileOptions, type Stored } from './intake.js';
import { Layout } from './layout.js';
import { openBlobFile, WITHHELD } from './reader.js';
import { Recency } from './recency.js';
import {
  blobCodec,
  bucketCodec,
  type Counts,
  countsCodec,
  jsonCodec,
  type StoredResult,
  type StoreEvent,
  unitCodec,
} from './records.js';
import { Results } from './results.js';
import { Rows } from './rows.js';
import { blobCost, type Reservation, Space } from './space.js';
import { Grains, statFile } from './stamp.js';
import { openTable, type Table, type TableOptions } from './table.js';
import { collect, type GcOptions, type GcReport, type VerifyReport, verifyAll } from './upkeep.js';

export interface StoreOptions {
  path: string;
  /** Hard bound, in 4 KiB blocks of blobs plus an estimate for their index records. */
  maxBytes: number;
  hasher: Hasher;
  clock: Clock;
  onEvent?: (event: StoreEvent) => void;
}

export interface StoreStats {
  path: string;
  bytes: number;
  maxBytes: number;
  results: number;
  blobs: number;
}

/**
 * Everything vrift keeps on disk: blobs by content, results and manifests by key, digests of files
 * it has seen. One process owns a store; other threads read it through `StoreReader`.
 */
export class Store {
  readonly #options: StoreOptions;
  readonly #layout: Layout;
  readonly #index: OpenIndex;
  readonly #counts: Rows<Counts>;
  readonly #blobs: Blobs;
  readonly #results: Results;
  readonly #recency: Recency;
  readonly #space: Space;
  readonly #eviction: Eviction;
  readonly #epochs: Epochs;
  #noting: NodeJS.Timeout | undefined;
  readonly #files: FileDigests;
  readonly #intake: Intake;
  readonly #tables = new Map<string, Table<unknown> & { flush(): void }>();
  #auditing: Promise<unknown> = Promise.resolve();
  #suspectedAtMs = Number.NEGATIVE_INFINITY;
  readonly #closed = new AbortController();
  #tidying: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  /** @throws VRIFT_STORE_UNUSABLE */
  static async open(options: StoreOptions): Promise<Store> {
    const layout = new Layout(options.path);
    try {
      if (!hasIndex(layout)) await makeIndex(layout);
      const store = new Store(options, layout);
      store.#start();
      return store;
    } catch (error) {
      if (error instanceof VriftError) throw error;
      const why = toVriftError(error).message;
      throw new VriftError(
        'VRIFT_STORE_UNUSABLE',
        `cannot open the store in ${options.path}: ${why}`,
        {
          cause: error,
        },
      );
    }
  }

  private constructor(options: StoreOptions, layout: Layout) {
    const { hasher, clock, maxBytes } = options;
    const onEvent = options.onEvent ?? (() => {});
    const index = new OpenIndex(layout, onEvent);
    const grains = new Grains();
    this.#options = options;
    this.#layout = layout;
    this.#index = index;
    this.#space = new Space(maxBytes);
    const space = this.#space;
    this.#counts = new Rows(index, 'meta', { codec: countsCodec, maxCached: 2 });
    const rows = new Rows(index, 'blobs', { codec: blobCodec, maxCached: 16_384 });
    const session = randomInt(UNVERIFIED + 1, 2 ** 47);
    const blobs = new Blobs({ layout, rows, space, hasher, clock, grains, onEvent, session });
    this.#blobs = blobs;
    this.#recency = new Recency(index, 'results');
    this.#results = new Results({
      buckets: new Rows(index, 'results', {
        codec: bucketCodec,
        maxCached: 4096,
        maxCachedWeight: 8 << 20,
        weigh: (bucket) => bucket.cost,
      }),
      units: new Rows(index, 'units', { codec: unitCodec, maxCached: 8192 }),
      withheld: new Rows(index, 'tables', { codec: jsonCodec(), maxCached: 1, prefix: WITHHELD }),
      recency: this.#recency,
      blobs,
      space,
      clock,
      makeRoom: (bytes) => this.#eviction.makeRoom(bytes),
    });
    this.#eviction = new Eviction({
      blobs,
      results: this.#results,
      space,
      clock,
      onFutile: () => this.#suspectCounts(),
    });
    this.#epochs = new Epochs(blobs, () => {
      index.proved();
      this.#flushTouches();
    });
    this.#files = new FileDigests({
      hasher,
      clock,
      grains,
      table: this.table('files', { maxEntries: 200_000, maxCached: 32_768 }),
      isLinkOf: (digest, stat) => {
        const blob = statFile(blobs.path(digest), false);
        if (blob?.ino !== stat.ino || blob.dev !== stat.dev) return false;
        return blobs.check(digest, Number(stat.size)) === 'ok';
      },
    });
    const reserve = (bytes: number) => this.#mustReserve(bytes);
    this.#intake = new Intake({
      layout,
      blobs,
      files: this.#files,
      hasher,
      clock,
      grains,
      reserve,
    });
  }

  #start(): void {
    // What is to go may be a whole store: nobody waits for that.
    const { signal } = this.#closed;
    const tidying = [this.#layout.clearStale(signal)];
    const clean = takeCleanMark(this.#layout);
    if (this.#index.renewed) tidying.push(this.#layout.discardBlobs(signal));
    this.#tidying = Promise.allSettled(tidying);
    const { bytes, blobs, results } = this.#counts.get(TOTALS) ?? NOTHING;
    this.#space.recount(bytes);
    this.#blobs.trustCount(blobs);
    this.#results.trustCount(results);
    this.#index.beforeWrite = () => this.#noteCounts();
    this.#eviction.nudge();
    const empty = bytes === 0 && this.#layout.isEmpty();
    const audited = (clean || empty) && !this.#index.renewed;
    this.#index.opened({ audited });
    if (audited) return;
    // Results are checked as they are used, so nobody has to wait for this.
    void this.#audit().then(
      () => {
        this.#index.opened({ audited: true });
        // It may have found files that nobody had counted.
        this.#eviction.nudge();
      },
      () => {},
    );
  }

  // --- blobs ---------------------------------------------------------------

  /** Where a blob's file is, whether or not it exists. */
  blobPath(digest: Digest): string {
    return this.#blobs.path(digest);
  }

  /** Whether a blob can be given out now: the record, one stat, and a hash only where they differ. */
  check(digest: Digest, size: number): 'ok' | 'gone' {
    return this.#blobs.check(digest, size);
  }

  /** Hashes a blob whatever its stat says: whether it is what its name says. */
  isIntact(digest: Digest): Promise<boolean> {
    return this.#blobs.verify(digest);
  }

  /** Drops a blob that is not what its name says, and with it the results that name it. */
  dropBlob(digest: Digest): void {
    this.#blobs.lose(digest, 'a check found other bytes in a blob than its name says');
  }

  /**
   * Takes in a finished file of a target directory.
   *
   * @returns undefined when it is no regular file, or changed while it was read
   * @throws VRIFT_STORE_FULL; VRIFT_STORE_CORRUPT when it does not hash to `expected`. Nothing is kept.
   */
  putFile(path: string, options: PutFileOptions): Promise<Stored | undefined> {
    return this.#intake.putFile(path, options).finally(() => this.#eviction.nudge());
  }

  /** @throws VRIFT_STORE_FULL */
  putBytes(bytes: Uint8Array): Promise<Stored> {
    return this.#intake.putBytes(bytes).finally(() => this.#eviction.nudge());
  }

  /**
   * Takes in a file from `tmpPath()` whose content was hashed while it was written. It is gone from
   * there afterwards in any case.
   *
   * @param reservation what was reserved for it; its room is used up by as much
   * @throws VRIFT_STORE_FULL; VRIFT_STORE_CORRUPT when its size is another
   */
  adopt(tmpPath: string, digest: Digest, size: number, reservation?: Reservation): void {
    this.#intake.adopt(tmpPath, digest, size, reservation);
    this.#eviction.nudge();
  }

  /** A fresh name on the store's file system, for content that is being fetched. */
  tmpPath(): string {
    return this.#layout.tmpPath();
  }

  /**
   * Promises room for blobs of these sizes before their first byte is written, evicting if need be.
   *
   * @returns undefined when they do not fit
   */
  reserve(...sizes: number[]): Reservation | undefined {
    const bytes = sizes.reduce((sum, size) => sum + blobCost(size), 0);
    return this.#eviction.makeRoom(bytes) ? this.#space.reserve(bytes) : undefined;
  }

  /** A blob's bytes, hashed unless told otherwise; undefined when it is gone. For small ones. */
  readBlob(digest: Digest, options: { verify?: boolean } = {}): Buffer | undefined {
    return this.#blobs.read(digest, { verify: options.verify ?? true });
  }

  /** A blob for streaming. The caller closes the handle, and pins the blob if it must stay. */
  async openBlob(digest: Digest): Promise<{ handle: FileHandle; size: number } | undefined> {
    const record = this.#blobs.find(digest);
    if (!record || this.check(digest, record.size) === 'gone') return undefined;
    return openBlobFile(this.blobPath(digest), record);
  }

  /** Keeps blobs from being evicted until it is disposed. They need not exist. */
  pin(digests: Iterable<Digest>): Disposable {
    const pin = this.#blobs.pins.pin(digests);
    return {
      [Symbol.dispose]: () => {
        pin[Symbol.dispose]();
        this.#eviction.retry();
      },
    };
  }

  // --- results -------------------------------------------------------------

  /**
   * @throws VRIFT_STORE_CORRUPT when a blob it names is not in the store; VRIFT_STORE_FULL, also
   *   while the index cannot be written
   */
  putResult(entry: StoredResult): void {
    if (this.#index.stalled) {
      throw new VriftError(
        'VRIFT_STORE_FULL',
        'the index of the store cannot be written: disk full',
      );
    }
    this.#results.put(entry);
    this.#noteUseSoon();
    this.#eviction.nudge();
  }

  /** Manifests seen for a unit, the most recently used first, 16 at most. */
  manifestsOf(unitKey: Digest): { digest: Digest; manifest: Manifest }[] {
    return this.#results.manifestsOf(unitKey);
  }

  /** Results whose blobs are all recorded; `check` tells whether the files still are what they were. */
  resultsOf(resultKey: Digest): StoredResult[] {
    return this.#results.resultsOf(resultKey);
  }

  /** Says that a result key was used, and which result; written to disk some time later. */
  touch(resultKey: Digest, used?: Digest): void {
    this.#results.touch(resultKey, used);
    this.#noteUseSoon();
  }

  /** Peers are told what was used in which order, as far as that is written: once no build runs. */
  #noteUseSoon(): void {
    if (this.#noting !== undefined) this.#noting.refresh();
    else this.#noting = setTimeout(() => this.#recency.flush(), NOTE_AFTER_MS).unref();
  }

  /** Result keys used last, the latest first. */
  newest(limit: number): Digest[] {
    return this.#results.newest(limit) as Digest[];
  }

  /** Keeps all that is stored for a unit from peers. */
  withhold(unitKey: Digest): void {
    this.#results.withhold(unitKey);
  }

  /** Lets peers have one result again that was withheld. What has another reason to stay, stays. */
  release(resultKey: Digest, resultDigest: Digest): void {
    this.#results.release(resultKey, resultDigest);
  }

  /** Unit key, crate and inputs of everything that peers may have. Slow: it reads all of it. */
  *shareable(): Generator<{ unitKey: Digest; crateName: string; manifest: Manifest } | undefined> {
    for (const [, bucket] of this.#results.entries()) {
      const open = bucket.entries.find(({ localOnly }) => !localOnly);
      const { unitKey, manifest } = bucket;
      yield open && { unitKey, crateName: open.result.crateName, manifest };
    }
  }

  dropResult(resultKey: Digest, resultDigest: Digest): void {
    this.#results.drop(resultKey, resultDigest);
  }

  /** Every result in the store, for recall and for the have-log. Slow: it reads all of them. */
  *allResults(): Generator<StoredResult> {
    for (const [resultKey] of this.#results.entries()) yield* this.#results.resultsOf(resultKey);
  }

  // --- files and tables ----------------------------------------------------

  /** Digest of a regular file outside the store, from memory if it did not change since. */
  fileDigest(path: string): Digest | undefined {
    return this.#files.digest(path);
  }

  /** What is remembered of a file in exactly this state. No system call. */
  knownDigest(path: string, stat: BigIntStats): Digest | undefined {
    return this.#files.known(path, stat);
  }

  /** The same; a file above 1 MB is hashed without blocking other calls. */
  fileDigestAsync(path: string): Promise<Digest | undefined> {
    return this.#files.digestAsync(path);
  }

  /**
   * Remembers the digest of a file that the launcher just made, without a system call.
   *
   * @param statText `dev:ino:size:mtimeNs:ctimeNs:mode`, as the launcher reports it
   * @param links    how many names it had then, where that is known
   */
  recordFile(path: string, statText: string, digest: Digest, links?: number): void {
    this.#files.record(path, statText, digest, links);
  }

  /** Remembers the digest of a file whose bytes were read: see `FileDigests.recordRead`. */
  recordRead(path: string, before: string, startedMs: number, digest: Digest): void {
    this.#files.recordRead(path, before, startedMs, digest);
  }

  /** A persistent map for others. The same name is the same table; its bounds are the first's. */
  table<T>(name: string, options: TableOptions): Table<T> {
    let table = this.#tables.get(name);
    if (!table) {
      table = openTable<unknown>(this.#index, this.#options.clock, name, options);
      this.#tables.set(name, table);
    }
    return table as Table<T>;
  }

  // --- upkeep --------------------------------------------------------------

  stats(): StoreStats {
    return {
      path: this.#layout.root,
      bytes: this.#space.used,
      maxBytes: this.#space.maxBytes,
      results: this.#results.count,
      blobs: this.#blobs.count,
    };
  }

  gc(options: GcOptions = {}): Promise<GcReport> {
    return collect(this.#parts(), options);
  }

  verify(options: { repair: boolean }): Promise<VerifyReport> {
    return verifyAll(this.#parts(), options);
  }

  /** Waits until readers in other threads see what was put. @returns false when the disk is full */
  flush(): Promise<boolean> {
    return this.#index.flush();
  }

  /** Writes everything through to the disk. Blobs that no result names do not outlive it. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#epochs.stop();
    clearTimeout(this.#noting);
    this.#eviction.close();
    this.#closed.abort();
    await this.#tidying;
    await this.#auditing;
    for (const digest of this.#blobs.loose.keys()) this.#blobs.dropLoose(digest);
    await this.#epochs.sync();
    this.#flushTouches();
    const allSynced = this.#blobs.unsynced.size === 0;
    const indexBytes = await this.#index.close();
    if (indexBytes !== undefined && allSynced) leaveCleanMark(this.#layout, indexBytes);
  }

  #flushTouches(): void {
    this.#recency.flush();
    for (const table of this.#tables.values()) table.flush();
  }

  #mustReserve(bytes: number): Reservation {
    const reservation = this.#eviction.makeRoom(bytes) ? this.#space.reserve(bytes) : undefined;
    if (reservation) return reservation;
    const { used, maxBytes } = this.#space;
    const state = `${used} of ${maxBytes} bytes used, and nothing more can be evicted`;
    throw new VriftError('VRIFT_STORE_FULL', `no room for ${bytes} bytes: ${state}`);
  }

  /** Goes down with every write, so that after a crash totals and rows still belong together. */
  #noteCounts(): void {
    const { bytes, blobs, results } = this.stats();
    const noted = this.#counts.get(TOTALS) ?? NOTHING;
    if (noted.bytes === bytes && noted.blobs === blobs && noted.results === results) return;
    this.#counts.put(TOTALS, { bytes, blobs, results });
  }

  #suspectCounts(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#suspectedAtMs < SUSPECT_EVERY_MS) return;
    this.#suspectedAtMs = now;
    void this.#audit().then(
      () => this.#eviction.retry(),
      () => {},
    );
  }

  /** One at a time. */
  #audit(): Promise<number> {
    const next = this.#auditing.then(() => audit(this.#parts()));
    this.#auditing = next.catch(() => {});
    return next;
  }

  #parts() {
    return {
      layout: this.#layout,
      blobs: this.#blobs,
      results: this.#results,
      space: this.#space,
      clock: this.#options.clock,
      eviction: this.#eviction,
      audit: () => this.#audit(),
    };
  }
}

const TOTALS = 'totals';
const NOTHING: Counts = { bytes: 0, blobs: 0, results: 0 };
/** Without a use for so long, the order of uses is written. */
const NOTE_AFTER_MS = 500;
const SUSPECT_EVERY_MS = 10 * 60 * 1000;
