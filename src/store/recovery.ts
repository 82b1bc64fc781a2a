import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, isDigest } from '../base/digest.js';
import { type Blobs, isPresent } from './blobs.js';
import { discard, type Layout } from './layout.js';
import { type BlobRecord, blobsOf } from './records.js';
import type { Results } from './results.js';
import type { Rows } from './rows.js';
import { statFile } from './stamp.js';

/** What a clean close leaves behind, so that the next open need not count. */
export interface CleanMark {
  bytes: number;
  blobs: number;
  results: number;
  indexBytes: number;
}

/** Takes the mark away: until the next close, the store counts as open. */
export function takeCleanMark(layout: Layout): CleanMark | undefined {
  try {
    const mark: Record<string, unknown> = JSON.parse(readFileSync(layout.cleanMarker, 'utf8'));
    const counts = [mark.bytes, mark.blobs, mark.results, mark.indexBytes];
    return counts.every(Number.isSafeInteger) ? (mark as unknown as CleanMark) : undefined;
  } catch {
    return undefined;
  } finally {
    discard(layout.cleanMarker);
  }
}

export function leaveCleanMark(layout: Layout, mark: CleanMark): void {
  writeFileSync(layout.cleanMarker, JSON.stringify(mark), { mode: 0o600 });
}

/** Blob files by name; what is not named like one, and what is no regular file, is not ours. */
export function* blobFiles(layout: Layout): Generator<Digest> {
  for (const folder of readdirSync(layout.cas, { withFileTypes: true })) {
    if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) continue;
    for (const file of readdirSync(join(layout.cas, folder.name), { withFileTypes: true })) {
      if (file.isFile() && isDigest(file.name) && file.name.startsWith(folder.name))
        yield file.name;
    }
  }
}

export interface Parts {
  layout: Layout;
  blobs: Blobs;
  blobRows: Rows<BlobRecord>;
  results: Results;
}

export interface Reconciled {
  /** Results that went because a blob was missing. */
  dropped: number;
  /** Files that had no record; they have one now. */
  found: Digest[];
}

/**
 * Makes index and files agree: counts references anew, forgets blobs without a file and the results
 * that name them, takes in files without a record (unverified, and waiting for a result).
 */
export function reconcile({ layout, blobs, blobRows, results }: Parts): Reconciled {
  const present = new Set(blobFiles(layout));
  const counts = countReferences(results);
  for (const [key, record] of blobRows.entries()) {
    const digest = key as Digest;
    const { refs, shared } = counts.get(digest) ?? NONE;
    const lost = isPresent(record) && !present.has(digest);
    if (refs === 0 && (lost || !isPresent(record))) blobRows.remove(digest);
    else if (lost) blobRows.put(digest, { ...record, refs, shared, mtimeNs: '' });
    else if (refs !== record.refs || shared !== record.shared) {
      blobRows.put(digest, { ...record, refs, shared });
    }
  }
  const found = [...present].filter((digest) => !blobs.find(digest));
  for (const digest of found) takeIn(blobs, blobRows, digest, counts.get(digest) ?? NONE);
  let dropped = 0;
  for (const [resultKey, bucket] of results.entries()) {
    const lost = results.dropBroken(resultKey);
    dropped += lost;
    if (lost < bucket.entries.length) results.adopt(resultKey, bucket);
  }
  for (const [key, record] of blobRows.entries()) {
    if (record.refs === 0) blobs.expectUse(key as Digest);
  }
  return { dropped, found };
}

interface References {
  refs: number;
  shared: number;
}

const NONE: References = { refs: 0, shared: 0 };

function countReferences(results: Results): Map<Digest, References> {
  const counts = new Map<Digest, References>();
  for (const [, bucket] of results.entries()) {
    for (const { result, localOnly } of bucket.entries) {
      for (const digest of blobsOf(result).keys()) {
        const { refs, shared } = counts.get(digest) ?? NONE;
        counts.set(digest, { refs: refs + 1, shared: shared + Number(!localOnly) });
      }
    }
  }
  return counts;
}

/** An epoch that no session has makes the first use of the blob hash it. */
function takeIn(blobs: Blobs, rows: Rows<BlobRecord>, digest: Digest, counts: References): void {
  const stat = statFile(blobs.path(digest), false);
  if (!stat) return;
  const record = { size: Number(stat.size), mtimeNs: String(stat.mtimeNs), epoch: UNVERIFIED };
  rows.put(digest, { ...record, ...counts });
}

/** Sessions are numbered above it. */
export const UNVERIFIED = 1;
