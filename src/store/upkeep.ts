import type { AuditParts } from './audit.js';
import type { Eviction } from './eviction.js';

export interface GcOptions {
  /** Evict until no more than this is used; the bound of the store stays what it is. */
  maxBytes?: number;
  /** Evict what was not used for longer. */
  olderThanMs?: number;
  /** Evict everything that is not being restored or served. */
  all?: boolean;
}

export interface GcReport {
  freedBytes: number;
  /** How many went. */
  results: number;
  blobs: number;
}

export interface VerifyReport {
  /** How many were hashed. */
  blobs: number;
  /** How many of them were gone or held other bytes. */
  bad: number;
  /** How many results were dropped for it; 0 without repair. */
  dropped: number;
}

export interface UpkeepParts extends AuditParts {
  eviction: Eviction;
  audit: () => Promise<number>;
}

/** Counts anew, removes files that nothing names, evicts what the options say. */
export async function collect(parts: UpkeepParts, options: GcOptions): Promise<GcReport> {
  const { blobs, results, space, eviction } = parts;
  await parts.audit();
  const before = { bytes: space.used, results: results.count, blobs: blobs.count };
  eviction.dropStale();
  const isDone = whenDone(parts, options);
  if (isDone) await eviction.run(isDone, options.all ? 0 : undefined);
  return {
    freedBytes: Math.max(0, before.bytes - space.used),
    results: Math.max(0, before.results - results.count),
    blobs: Math.max(0, before.blobs - blobs.count),
  };
}

/** Hashes every blob. With `repair`, what is bad goes, and every result that names it. */
export async function verifyAll(
  parts: UpkeepParts,
  { repair }: { repair: boolean },
): Promise<VerifyReport> {
  const { blobs } = parts;
  const report = { blobs: 0, bad: 0, dropped: 0 };
  for (const [digest] of blobs.recordsIn('')) {
    if (!blobs.find(digest)) continue;
    report.blobs++;
    // It may have been evicted while it was hashed.
    if ((await blobs.verify(digest)) || !blobs.find(digest)) continue;
    report.bad++;
    if (repair) blobs.lose(digest, 'verify found other bytes than the name says');
  }
  if (!repair) return report;
  const dropped = await parts.audit();
  parts.eviction.dropStale();
  return { ...report, dropped };
}

function whenDone(
  { space, clock }: UpkeepParts,
  { maxBytes, olderThanMs, all }: GcOptions,
): ((nextTick: number) => boolean) | undefined {
  if (all) return () => false;
  if (maxBytes === undefined && olderThanMs === undefined) return undefined;
  const horizon = olderThanMs === undefined ? Number.NEGATIVE_INFINITY : clock.now() - olderThanMs;
  const target = maxBytes ?? Number.POSITIVE_INFINITY;
  return (nextTick) => nextTick >= horizon && space.used <= target;
}
