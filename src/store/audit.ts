import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../base/clock.js';
import { type Digest, isDigest } from '../base/digest.js';
import { type Blobs, isPresent } from './blobs.js';
import type { Layout } from './layout.js';
import { type BlobRecord, type Bucket, blobsOf } from './records.js';
import type { Results } from './results.js';
import { blobCost, type Space } from './space.js';

export interface AuditParts {
  layout: Layout;
  blobs: Blobs;
  results: Results;
  space: Space;
  clock: Clock;
}

/**
 * Makes index and files agree and counts everything anew, in slices between other calls: forgets
 * blobs without a file and the results that name them, takes in files without a record, corrects
 * reference counts and the totals. What changes meanwhile is counted as it changes.
 *
 * @returns how many results went because a blob was missing
 */
export async function audit(parts: AuditParts): Promise<number> {
  const { blobs, results, space, clock } = parts;
  const tally = new Tally();
  let dropped = 0;
  const slices = new Slices(clock);
  blobs.observer = (digest, before, after) => tally.blobChanged(digest, before, after);
  results.observer = (key, before, after) => tally.bucketChanged(key, before, after);
  try {
    for (const folder of FOLDERS) {
      agreeOn(parts, folder);
      for (const [digest, record] of blobs.recordsIn(folder)) {
        tally.countBlob(digest, undefined, record);
      }
      tally.folders.add(folder);
      await slices.pause();
    }
    for (const [key] of results.entries()) {
      dropped += results.dropBroken(key);
      tally.scan(key, results.bucket(key));
      results.makeReachable(key);
      await slices.pause();
    }
    for (const folder of FOLDERS) {
      for (const [digest] of blobs.recordsIn(folder)) {
        blobs.correct(digest, tally.references.get(digest) ?? NONE);
      }
      await slices.pause();
    }
    space.recount(tally.bytes);
    blobs.trustCount(tally.blobs);
    results.trustCount(tally.results);
  } finally {
    blobs.observer = undefined;
    results.observer = undefined;
  }
  return dropped;
}

const FOLDERS: readonly string[] = Array.from({ length: 256 }, (_, at) =>
  at.toString(16).padStart(2, '0'),
);

/** In one go, so that nothing comes or goes between the listing and the records. */
function agreeOn({ layout, blobs }: AuditParts, folder: string): void {
  const files = new Set(blobFiles(layout, folder));
  for (const [digest, record] of blobs.recordsIn(folder)) {
    if (isPresent(record) && !files.has(digest)) blobs.forget(digest);
  }
  for (const digest of files) if (!blobs.find(digest)) blobs.takeIn(digest);
}

/** What is not named like a blob, and what is no regular file, is not ours. */
function* blobFiles(layout: Layout, folder: string): Generator<Digest> {
  try {
    for (const file of readdirSync(join(layout.cas, folder), { withFileTypes: true })) {
      if (file.isFile() && isDigest(file.name) && file.name.startsWith(folder)) yield file.name;
    }
  } catch {
    // No blob was ever put there.
  }
}

export interface References {
  refs: number;
  shared: number;
}

const NONE: References = { refs: 0, shared: 0 };

/** Totals of what was visited, kept right while it goes on changing. */
class Tally {
  bytes = 0;
  blobs = 0;
  results = 0;
  readonly references = new Map<Digest, References>();
  readonly folders = new Set<string>();
  readonly #scanned = new Set<Digest>();

  blobChanged(digest: Digest, before: BlobRecord | undefined, after: BlobRecord | undefined): void {
    if (this.folders.has(digest.slice(0, 2))) this.countBlob(digest, before, after);
  }

  countBlob(_digest: Digest, before: BlobRecord | undefined, after: BlobRecord | undefined): void {
    for (const [record, sign] of [[before, -1] as const, [after, 1] as const]) {
      if (!record || !isPresent(record)) continue;
      this.bytes += sign * blobCost(record.size);
      this.blobs += sign;
    }
  }

  /** A bucket that was there before is counted when its turn comes; a new one may have no turn. */
  bucketChanged(key: Digest, before: Bucket | undefined, after: Bucket | undefined): void {
    if (this.#scanned.has(key)) {
      this.#count(before, -1);
      this.#count(after, 1);
    } else if (!before) this.scan(key, after);
  }

  scan(key: Digest, bucket: Bucket | undefined): void {
    if (this.#scanned.has(key)) return;
    this.#scanned.add(key);
    this.#count(bucket, 1);
  }

  #count(bucket: Bucket | undefined, sign: 1 | -1): void {
    if (!bucket) return;
    this.bytes += sign * bucket.cost;
    this.results += sign * bucket.entries.length;
    for (const { result, localOnly } of bucket.entries) {
      for (const digest of blobsOf(result).keys()) {
        const { refs, shared } = this.references.get(digest) ?? NONE;
        this.references.set(digest, {
          refs: refs + sign,
          shared: shared + sign * Number(!localOnly),
        });
      }
    }
  }
}

/** Gives other calls their turn after every few milliseconds of work. */
export class Slices {
  readonly #clock: Clock;
  #startedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonic();
  }

  async pause(): Promise<void> {
    if (this.#clock.monotonic() - this.#startedMs < SLICE_MS) return;
    await turn();
    this.#startedMs = this.#clock.monotonic();
  }
}

const SLICE_MS = 3;
