import { VriftError } from '../base/errors.js';
import type { Attestation, Manifest } from '../base/result.js';
import type { Bucket, StoredEntry, StoredResult } from './records.js';

const MAX_RESULTS = 16;
const MAX_ATTESTATIONS = 64;
/** Keys, tree nodes and recency of one bucket. */
const BUCKET_BYTES = 1024;

const RANK = { own: 0, peer: 1, remote: 2 } as const;

/** A bucket with one result more, the newest first; one that is there already gains attestations. */
export function mergedBucket(before: Bucket | undefined, stored: StoredResult): Bucket {
  const { manifest, ...entry } = stored;
  const { unitKey, resultKey } = stored.result;
  if (before && (before.manifestDigest !== stored.result.manifest || before.unitKey !== unitKey)) {
    throw new VriftError('VRIFT_INTERNAL', `result key ${resultKey} stands for two manifests`);
  }
  const same = before?.entries.find((other) => other.resultDigest === entry.resultDigest);
  const others = before?.entries.filter((other) => other !== same) ?? [];
  const entries = [same ? mergedEntry(same, entry) : entry, ...others].slice(0, MAX_RESULTS);
  const manifestDigest = stored.result.manifest;
  return { unitKey, manifestDigest, manifest, entries, cost: costOf(manifest, entries) };
}

function mergedEntry(a: StoredEntry, b: StoredEntry): StoredEntry {
  const first = RANK[b.origin] < RANK[a.origin] ? b : a;
  const attestations = new Map<string, Attestation>();
  for (const attestation of [...a.attestations, ...b.attestations]) {
    attestations.set(`${attestation.mesh}/${attestation.signer}`, attestation);
  }
  const { untried: _, withheld: __, ...kept } = first;
  const localOnly = a.localOnly && b.localOnly;
  return {
    ...kept,
    ...(a.untried && b.untried && { untried: true }),
    // What has no other reason to stay is shared as soon as no setting keeps it.
    ...(localOnly && (a.withheld || b.withheld) && { withheld: true }),
    attestations: [...attestations.values()].slice(0, MAX_ATTESTATIONS),
    localOnly,
  };
}

/** Estimated bytes in the index. */
export function costOf(manifest: Manifest, entries: StoredEntry[]): number {
  return BUCKET_BYTES + JSON.stringify(manifest).length + JSON.stringify(entries).length;
}
