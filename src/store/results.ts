import type { Clock } from '../base/clock.js';
import type { Digest } from '../base/digest.js';
import { VriftError } from '../base/errors.js';
import type { Manifest, Result } from '../base/result.js';
import type { Blobs } from './blobs.js';
import { costOf, mergedBucket } from './merge.js';
import type { Recency } from './recency.js';
import { type Bucket, blobsOf, type StoredEntry, type StoredResult } from './records.js';
import type { Rows } from './rows.js';
import type { Space } from './space.js';

export interface ResultsOptions {
  buckets: Rows<Bucket>;
  units: Rows<Digest[]>;
  /** Result keys of which nothing may be told, for a setting's sake; for counting. */
  withheld: Rows<1>;
  recency: Recency;
  blobs: Blobs;
  space: Space;
  clock: Clock;
  /** Evicts until that many bytes fit, if it can. */
  makeRoom: (bytes: number) => boolean;
}

/** Results and manifests: unit key → result keys → what was compiled under each. */
export class Results {
  readonly #buckets: Rows<Bucket>;
  readonly #units: Rows<Digest[]>;
  readonly #withheld: Rows<1>;
  readonly #recency: Recency;
  readonly #blobs: Blobs;
  readonly #space: Space;
  readonly #clock: Clock;
  readonly #makeRoom: (bytes: number) => boolean;
  /** Asked for at every hit. */
  readonly #named = new WeakMap<Result, ReadonlyMap<Digest, number>>();
  /** Told of every change of a bucket, while somebody counts. */
  observer:
    | ((key: Digest, before: Bucket | undefined, after: Bucket | undefined) => void)
    | undefined;
  #count = 0;

  constructor(options: ResultsOptions) {
    this.#buckets = options.buckets;
    this.#units = options.units;
    this.#withheld = options.withheld;
    this.#recency = options.recency;
    this.#blobs = options.blobs;
    this.#space = options.space;
    this.#clock = options.clock;
    this.#makeRoom = options.makeRoom;
  }

  get count(): number {
    return this.#count;
  }

  put(stored: StoredResult): void {
    const { result, resultDigest } = stored;
    const named = blobsOf(result);
    for (const [digest, size] of named) {
      if (this.#blobs.find(digest)?.size === size) continue;
      const what = `result ${resultDigest} names blob ${digest}, which the store does not hold`;
      throw new VriftError('VRIFT_STORE_CORRUPT', what);
    }
    const pin = this.#blobs.pins.pin(named.keys());
    try {
      this.#merge(stored);
    } finally {
      pin[Symbol.dispose]();
    }
    this.#remember(result.unitKey, result.resultKey);
    this.touch(result.resultKey);
  }

  manifestsOf(unitKey: Digest): { digest: Digest; manifest: Manifest }[] {
    const manifests: { digest: Digest; manifest: Manifest }[] = [];
    for (const resultKey of this.#units.get(unitKey) ?? []) {
      const bucket = this.#buckets.get(resultKey);
      if (bucket) manifests.push({ digest: bucket.manifestDigest, manifest: bucket.manifest });
    }
    return manifests;
  }

  resultsOf(resultKey: Digest): StoredResult[] {
    const bucket = this.#buckets.get(resultKey);
    if (!bucket) return [];
    const { manifest } = bucket;
    const whole = bucket.entries.filter((entry) => this.#isWhole(entry));
    if (whole.length < bucket.entries.length) this.dropBroken(resultKey);
    return whole.map((entry) => ({ ...entry, manifest }));
  }

  /** @param used which of the key's results; left out when none was restored */
  touch(resultKey: Digest, used?: Digest): void {
    const bucket = this.#buckets.get(resultKey);
    if (!bucket) return;
    if (used !== undefined) this.#noteTried(resultKey, bucket, used);
    this.#recency.touch(resultKey, this.#clock.now());
    this.#remember(bucket.unitKey, resultKey);
  }

  drop(resultKey: Digest, resultDigest: Digest): void {
    this.#keepOnly(resultKey, (entry) => entry.resultDigest !== resultDigest);
  }

  /** Keeps every result of a unit on this machine, as private code. */
  withhold(unitKey: Digest): void {
    for (const resultKey of this.#units.get(unitKey) ?? []) this.#change(resultKey, withheldOf);
  }

  /** Lets one result that was withheld go again; all others stay as they are. */
  release(resultKey: Digest, resultDigest: Digest): void {
    this.#change(resultKey, (entry) =>
      entry.resultDigest === resultDigest ? releasedOf(entry) : entry,
    );
  }

  /** Drops what names a blob that is gone. @returns how many results went */
  dropBroken(resultKey: Digest): number {
    return this.#keepOnly(resultKey, (entry) => this.#isWhole(entry));
  }

  /** Drops everything under one result key. @returns how many results went */
  dropKey(resultKey: Digest): number {
    return this.#keepOnly(resultKey, () => false);
  }

  /** Whether a blob of it is being restored or served right now. */
  isPinned(resultKey: Digest): boolean {
    const entries = this.#buckets.get(resultKey)?.entries ?? [];
    return entries.some(({ result }) => {
      for (const digest of blobsOf(result).keys()) if (this.#blobs.pins.has(digest)) return true;
      return false;
    });
  }

  /** Result keys used last, the latest first. */
  newest(limit: number): string[] {
    return this.#recency.newest(limit);
  }

  /** Result keys from the longest unused on. */
  oldest(): Generator<{ key: string; tick: number }> {
    return this.#recency.oldest();
  }

  *entries(): Generator<[resultKey: Digest, bucket: Bucket]> {
    for (const [key, bucket] of this.#buckets.entries()) yield [key as Digest, bucket];
  }

  bucket(resultKey: Digest): Bucket | undefined {
    return this.#buckets.get(resultKey);
  }

  /** Takes over a count made elsewhere. */
  trustCount(count: number): void {
    this.#count = count;
  }

  /** Sees to it that a bucket can be found by its unit key, and can be evicted. */
  makeReachable(resultKey: Digest): void {
    const bucket = this.#buckets.get(resultKey);
    if (!bucket) return;
    const keys = this.#units.get(bucket.unitKey) ?? [];
    if (!keys.includes(resultKey)) this.#units.put(bucket.unitKey, [...keys, resultKey]);
    if (this.#recency.lastUsed(resultKey) === undefined) this.#recency.touch(resultKey, 0);
  }

  #noteTried(resultKey: Digest, bucket: Bucket, used: Digest): void {
    if (!bucket.entries.some((entry) => entry.untried && entry.resultDigest === used)) return;
    const entries = bucket.entries.map((entry) => {
      const { untried: _, ...tried } = entry;
      return entry.resultDigest === used ? tried : entry;
    });
    const cost = costOf(bucket.manifest, entries);
    this.#replace(resultKey, bucket, { ...bucket, entries, cost });
  }

  #change(resultKey: Digest, changed: (entry: StoredEntry) => StoredEntry): void {
    const bucket = this.#buckets.get(resultKey);
    if (bucket === undefined) return;
    const entries = bucket.entries.map(changed);
    if (entries.every((entry, at) => entry === bucket.entries[at])) return;
    const cost = costOf(bucket.manifest, entries);
    this.#replace(resultKey, bucket, { ...bucket, entries, cost });
  }

  #isWhole({ result }: StoredEntry): boolean {
    let named = this.#named.get(result);
    if (!named) {
      named = blobsOf(result);
      this.#named.set(result, named);
    }
    for (const [digest, size] of named) {
      if (this.#blobs.find(digest)?.size !== size) return false;
    }
    return true;
  }

  #merge(stored: StoredResult): void {
    const { resultKey } = stored.result;
    let before = this.#buckets.get(resultKey);
    let bucket = mergedBucket(before, stored);
    if (bucket.cost - (before?.cost ?? 0) > this.#space.free) {
      if (!this.#makeRoom(bucket.cost)) {
        throw new VriftError('VRIFT_STORE_FULL', 'the store is full and nothing can be evicted');
      }
      // What had to go may have been the very bucket that was to grow.
      before = this.#buckets.get(resultKey);
      bucket = mergedBucket(before, stored);
    }
    this.#replace(resultKey, before, bucket);
  }

  #keepOnly(resultKey: Digest, keep: (entry: StoredEntry) => boolean): number {
    const before = this.#buckets.get(resultKey);
    if (!before) return 0;
    const entries = before.entries.filter(keep);
    if (entries.length < before.entries.length) {
      // Of an empty bucket nothing is kept: measuring it would be most of what evicting it costs.
      const cost = entries.length === 0 ? 0 : costOf(before.manifest, entries);
      this.#replace(resultKey, before, { ...before, entries, cost });
    }
    return before.entries.length - entries.length;
  }

  #replace(resultKey: Digest, before: Bucket | undefined, after: Bucket): void {
    const old = new Map(before?.entries.map((entry) => [entry.resultDigest, entry]));
    for (const entry of after.entries) {
      const was = old.get(entry.resultDigest);
      old.delete(entry.resultDigest);
      if (!was) this.#hold(entry);
      else if (was.localOnly && !entry.localOnly) this.#share(entry);
      else if (!was.localOnly && entry.localOnly) this.#unshare(entry);
    }
    const hidden = isHidden(after);
    if (hidden !== (before !== undefined && isHidden(before))) {
      if (hidden) this.#withheld.put(resultKey, 1);
      else this.#withheld.remove(resultKey);
    }
    if (after.entries.length > 0) {
      this.#buckets.put(resultKey, after);
      this.#space.add(after.cost);
    } else {
      this.#buckets.remove(resultKey);
      this.#recency.forget(resultKey);
      this.#forget(after.unitKey, resultKey);
    }
    this.#space.remove(before?.cost ?? 0);
    this.#count += after.entries.length - (before?.entries.length ?? 0);
    for (const entry of old.values()) this.#letGo(entry);
    this.observer?.(resultKey, before, after.entries.length > 0 ? after : undefined);
  }

  #hold(entry: StoredEntry): void {
    for (const digest of blobsOf(entry.result).keys()) this.#blobs.retain(digest, !entry.localOnly);
  }

  #share(entry: StoredEntry): void {
    for (const digest of blobsOf(entry.result).keys()) this.#blobs.share(digest);
  }

  #unshare(entry: StoredEntry): void {
    for (const digest of blobsOf(entry.result).keys()) this.#blobs.unshare(digest);
  }

  #letGo(entry: StoredEntry): void {
    for (const digest of blobsOf(entry.result).keys())
      this.#blobs.release(digest, !entry.localOnly);
  }

  #remember(unitKey: Digest, resultKey: Digest): void {
    const keys = this.#units.get(unitKey) ?? [];
    if (keys[0] === resultKey) return;
    const ordered = [resultKey, ...keys.filter((key) => key !== resultKey)];
    this.#units.put(unitKey, ordered.slice(0, MAX_MANIFESTS));
    for (const surplus of ordered.slice(MAX_MANIFESTS)) this.dropKey(surplus);
  }

  #forget(unitKey: Digest, resultKey: Digest): void {
    const keys = this.#units.get(unitKey)?.filter((key) => key !== resultKey) ?? [];
    if (keys.length > 0) this.#units.put(unitKey, keys);
    else this.#units.remove(unitKey);
  }
}

const MAX_MANIFESTS = 16;

function withheldOf(entry: StoredEntry): StoredEntry {
  return entry.localOnly ? entry : { ...entry, localOnly: true, withheld: true };
}

function releasedOf(entry: StoredEntry): StoredEntry {
  if (entry.withheld === undefined) return entry;
  const { withheld: _, ...rest } = entry;
  return { ...rest, localOnly: false };
}

/** Whether a bucket holds something private and nothing that peers may have. */
function isHidden({ entries }: Bucket): boolean {
  return entries.some(({ withheld }) => withheld) && entries.every(({ localOnly }) => localOnly);
}
