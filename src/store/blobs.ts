import { type BigIntStats, readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.js';
import type { Digest, Hasher } from '../base/digest.js';
import { errnoOf } from '../base/errors.js';
import { hashFile, hashFileAsync } from './hashing.js';
import { discard, type Layout } from './layout.js';
import { Pins } from './pins.js';
import type { BlobRecord, StoreEvent } from './records.js';
import type { Rows } from './rows.js';
import { blobCost, type Reservation, type Space } from './space.js';
import { type Grains, statFile } from './stamp.js';

export interface BlobsOptions {
  layout: Layout;
  rows: Rows<BlobRecord>;
  space: Space;
  hasher: Hasher;
  clock: Clock;
  grains: Grains;
  onEvent: (event: StoreEvent) => void;
  /** Marks records written since this open; never 0. */
  session: number;
}

/** The blobs and their records: what is there, whether it still is what it was, who needs it. */
export class Blobs {
  readonly #layout: Layout;
  readonly #rows: Rows<BlobRecord>;
  readonly #space: Space;
  readonly #hasher: Hasher;
  readonly #clock: Clock;
  readonly #grains: Grains;
  readonly #onEvent: (event: StoreEvent) => void;
  readonly session: number;
  readonly pins: Pins;
  /**
   * Present blobs that no result names (yet), with when they were put; 0 when the last result that
   * named them went while they were pinned.
   */
  readonly loose = new Map<Digest, number>();
  /** Written in this session and not yet synced. */
  unsynced = new Set<Digest>();
  /** Told of every change of a record, while somebody counts. */
  observer:
    | ((digest: Digest, before: BlobRecord | undefined, after: BlobRecord | undefined) => void)
    | undefined;
  #count = 0;

  constructor(options: BlobsOptions) {
    this.#layout = options.layout;
    this.#rows = options.rows;
    this.#space = options.space;
    this.#hasher = options.hasher;
    this.#clock = options.clock;
    this.#grains = options.grains;
    this.#onEvent = options.onEvent;
    this.session = options.session;
    this.pins = new Pins((digest) => this.#dropUnneeded(digest));
  }

  get count(): number {
    return this.#count;
  }

  path(digest: Digest): string {
    return this.#layout.blob(digest);
  }

  /** The record of a blob that is there as far as the index knows. */
  find(digest: Digest): BlobRecord | undefined {
    const record = this.#rows.get(digest);
    return record && isPresent(record) ? record : undefined;
  }

  /**
   * Whether a blob can be given out now. One stat; content is hashed again only when the file's
   * size or mtime differ from the record, or when it may not have survived an unclean stop.
   */
  check(digest: Digest, size: number): 'ok' | 'gone' {
    const record = this.find(digest);
    if (record?.size !== size) return 'gone';
    const stat = statFile(this.path(digest), false);
    if (!stat) return this.#lose(digest, 'the file of a blob is gone');
    if (this.#isAsRecorded(record, stat)) return 'ok';
    return this.#recheck(digest, record, stat);
  }

  /** Hashes a blob whatever its stat says. @returns whether it is what its name says */
  async verify(digest: Digest): Promise<boolean> {
    try {
      const record = this.find(digest);
      const stat = statFile(this.path(digest), false);
      if (!record || !stat || Number(stat.size) !== record.size) return false;
      const hashed = await hashFileAsync(this.#hasher, this.path(digest));
      return hashed.digest === digest && hashed.size === record.size;
    } catch {
      return false;
    }
  }

  /** A small blob's bytes, or undefined when it is gone. Hashes them unless told not to. */
  read(digest: Digest, { verify }: { verify: boolean }): Buffer | undefined {
    const record = this.find(digest);
    if (!record || this.check(digest, record.size) === 'gone') return undefined;
    try {
      const bytes = readFileSync(this.path(digest));
      if (bytes.length === record.size && (!verify || this.#hasher.hash(bytes) === digest)) {
        return bytes;
      }
      this.lose(digest, 'a blob holds other bytes than its name says');
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    return undefined;
  }

  /** Records a blob whose file was put in place just now, its content hashed by us. */
  admit(digest: Digest, stat: BigIntStats, reservation?: Reservation): void {
    this.#record(digest, stat, this.session, reservation);
    this.unsynced.add(digest);
    if (this.#rows.get(digest)?.refs === 0) this.loose.set(digest, this.#clock.now());
  }

  /** Records a file that has no record: its first use will hash it, and any need for room takes it. */
  takeIn(digest: Digest): void {
    const stat = statFile(this.path(digest), false);
    if (!stat) return;
    this.#record(digest, stat, UNVERIFIED);
    this.loose.set(digest, LONG_AGO);
  }

  /** Notes that a blob's file is not there, which nobody is to blame for. */
  forget(digest: Digest): void {
    const record = this.#rows.get(digest);
    this.loose.delete(digest);
    this.unsynced.delete(digest);
    if (record) this.#put(digest, record.refs > 0 ? { ...record, mtimeNs: '' } : undefined);
  }

  /** Sets the reference counts that were found by counting. */
  correct(digest: Digest, { refs, shared }: { refs: number; shared: number }): void {
    const record = this.#rows.get(digest);
    if (!record) return;
    if (refs === 0 && !isPresent(record)) this.#put(digest, undefined);
    else if (refs !== record.refs || shared !== record.shared) {
      this.#put(digest, { ...record, refs, shared });
    }
    if (refs === 0 && isPresent(record) && !this.loose.has(digest)) this.expectUse(digest);
  }

  /** Records of the blobs whose digests start with that. */
  *recordsIn(prefix: string): Generator<[Digest, BlobRecord]> {
    for (const [digest, record] of this.#rows.entries(prefix)) yield [digest as Digest, record];
  }

  /** One more stored result names it. */
  retain(digest: Digest, shared: boolean): void {
    const record = this.#rows.get(digest);
    if (!record) return;
    this.#put(digest, {
      ...record,
      refs: record.refs + 1,
      shared: record.shared + Number(shared),
    });
    this.loose.delete(digest);
  }

  /** A stored result that only this machine knew may now be had by peers. */
  share(digest: Digest): void {
    const record = this.#rows.get(digest);
    if (record) this.#put(digest, { ...record, shared: record.shared + 1 });
  }

  /** A stored result that peers could have is this machine's own from now on. */
  unshare(digest: Digest): void {
    const record = this.#rows.get(digest);
    if (record) this.#put(digest, { ...record, shared: Math.max(0, record.shared - 1) });
  }

  /** One stored result less names it; without any it goes, unless it is pinned. */
  release(digest: Digest, shared: boolean): void {
    const record = this.#rows.get(digest);
    if (!record) return;
    const refs = Math.max(0, record.refs - 1);
    const left = { ...record, refs, shared: Math.max(0, record.shared - Number(shared)) };
    if (refs > 0) this.#put(digest, left);
    else if (!isPresent(record)) this.#put(digest, undefined);
    else {
      this.#put(digest, left);
      if (!this.loose.has(digest)) this.loose.set(digest, 0);
      this.#dropUnneeded(digest);
    }
  }

  /** A put found the blob there already: it must last until the put's own result names it. */
  expectUse(digest: Digest): void {
    this.loose.set(digest, this.#clock.now());
  }

  /** Deletes a blob that no result names. */
  dropLoose(digest: Digest): void {
    if (this.pins.has(digest)) return;
    this.loose.delete(digest);
    const record = this.#rows.get(digest);
    if (!record || record.refs > 0) return;
    this.unsynced.delete(digest);
    this.#put(digest, undefined);
    discard(this.path(digest));
  }

  /** Drops a blob that is not what it was; results that name it are whole again if it comes back. */
  lose(digest: Digest, why: string): void {
    if (!this.find(digest)) return;
    this.forget(digest);
    discard(this.path(digest));
    this.#onEvent({ code: 'VRIFT_STORE_CORRUPT', message: why, digest });
  }

  /** The file's bytes are on the disk for good, unless it changed since. */
  markSynced(digest: Digest): void {
    const record = this.find(digest);
    if (record?.epoch === this.session) this.#put(digest, { ...record, epoch: 0 });
  }

  /** Takes over a count made elsewhere. */
  trustCount(count: number): void {
    this.#count = count;
  }

  #isAsRecorded(record: BlobRecord, stat: BigIntStats): boolean {
    const { epoch } = record;
    return (
      (epoch === 0 || epoch === this.session) &&
      Number(stat.size) === record.size &&
      String(stat.mtimeNs) === record.mtimeNs
    );
  }

  #recheck(digest: Digest, record: BlobRecord, stat: BigIntStats): 'ok' | 'gone' {
    const path = this.path(digest);
    if (Number(stat.size) !== record.size) return this.#lose(digest, 'a blob has another size');
    // Touched a moment ago: whoever did may still be writing, and the stamp would not show it.
    if (!this.#grains.isContentSettled(path, stat, this.#clock.now())) return 'gone';
    if (record.size > MAX_SYNC_RECHECK_BYTES) {
      void this.verify(digest).then((good) => this.#settle(digest, stat, good));
      return 'gone';
    }
    const good = this.#hashesTo(digest, path);
    this.#settle(digest, stat, good);
    return good ? 'ok' : 'gone';
  }

  #hashesTo(digest: Digest, path: string): boolean {
    try {
      return hashFile(this.#hasher, path).digest === digest;
    } catch {
      return false;
    }
  }

  #settle(digest: Digest, stat: BigIntStats, good: boolean): void {
    const record = this.find(digest);
    if (!record) return;
    if (!good) {
      this.lose(digest, 'a blob holds other bytes than its name says');
      return;
    }
    this.#put(digest, { ...record, mtimeNs: String(stat.mtimeNs), epoch: this.session });
    this.unsynced.add(digest);
  }

  #lose(digest: Digest, why: string): 'gone' {
    this.lose(digest, why);
    return 'gone';
  }

  #dropUnneeded(digest: Digest): void {
    if (this.loose.get(digest) === 0) this.dropLoose(digest);
  }

  #record(digest: Digest, stat: BigIntStats, epoch: number, reservation?: Reservation): void {
    const { refs, shared } = this.#rows.get(digest) ?? { refs: 0, shared: 0 };
    const record = { size: Number(stat.size), mtimeNs: String(stat.mtimeNs), epoch, refs, shared };
    this.#put(digest, record, reservation);
  }

  /** Every change of a record goes through here, and so does what it changes in the totals. */
  #put(digest: Digest, after: BlobRecord | undefined, reservation?: Reservation): void {
    const before = this.#rows.get(digest);
    if (after) this.#rows.put(digest, after);
    else this.#rows.remove(digest);
    if (before && isPresent(before)) {
      this.#space.remove(blobCost(before.size));
      this.#count--;
    }
    if (after && isPresent(after)) {
      this.#space.add(blobCost(after.size), reservation);
      this.#count++;
    }
    this.observer?.(digest, before, after);
  }
}

/** The epoch of records that no session vouches for. Sessions are numbered above it. */
export const UNVERIFIED = 1;

const LONG_AGO = 1;

/** Beyond this, hashing again would block other calls: the blob is a miss until it is done. */
const MAX_SYNC_RECHECK_BYTES = 64 << 20;

export function isPresent(record: BlobRecord): boolean {
  return record.mtimeNs !== '';
}
