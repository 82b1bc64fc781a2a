import type { Digest } from '../base/digest.js';
import { BOUNDS } from '../wire/http.js';
import { PeerFault } from './fault.js';
import type { Job } from './fetch.js';
import { fetchStream } from './fetchStream.js';
import { beginPart } from './part.js';
import type { Peer } from './peer.js';

export interface Blob {
  digest: Digest;
  size: number;
}

/** Above this a stream of its own costs less than it holds the others up. */
const SMALL_BYTES = 512 * 1024;

/** Which blobs come together: a small unit in one answer, which saves a round trip per blob. */
export function planBatches(need: readonly Blob[]): { batches: Blob[][]; single: Blob[] } {
  const small = need.filter(({ size }) => size <= SMALL_BYTES).sort((a, b) => a.size - b.size);
  const single = need.filter(({ size }) => size > SMALL_BYTES);
  const batches: Blob[][] = [];
  let batch: Blob[] = [];
  let bytes = 0;
  for (const blob of small) {
    if (bytes + blob.size > BOUNDS.batchBytes || batch.length === BOUNDS.batchBlobs) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(blob);
    bytes += blob.size;
  }
  if (batch.length > 0) batches.push(batch);
  return { batches, single };
}

/** @throws when not every blob could be had; files of the others may be there then */
export async function fetchBatch(job: Job, batch: readonly Blob[]): Promise<void> {
  let missing = batch;
  for (const peer of job.holders) {
    if (job.isTooSlow(peer)) continue;
    missing = await fromOne(job, peer, missing);
    if (missing.length === 0) return;
    job.signal.throwIfAborted();
  }
  // A holder may have had no room for them in one answer.
  for (const blob of missing) await fetchStream(job, blob);
}

/** @returns what the peer did not give */
async function fromOne(job: Job, peer: Peer, wanted: readonly Blob[]): Promise<readonly Blob[]> {
  const blocks = await ask(job, peer, wanted);
  const missing: Blob[] = [];
  for (const [index, blob] of wanted.entries()) {
    const block = blocks[index];
    if (block === undefined) {
      missing.push(blob);
      continue;
    }
    const sink = job.openSink(blob);
    try {
      sink.write(block);
      if (!sink.isWhole()) throw new PeerFault(`blob ${blob.digest}: other content`);
      sink.keep();
      job.credit(peer, blob.size);
    } catch (error) {
      sink.discard();
      if (!(error instanceof PeerFault)) throw error;
      peer.penalise(error.message);
      return [...missing, ...wanted.slice(index)];
    }
  }
  return missing;
}

/** A peer that says nothing for the stall time, or is too slow, counts as having nothing. */
async function ask(job: Job, peer: Peer, wanted: readonly Blob[]): Promise<(Buffer | undefined)[]> {
  const asked = wanted.reduce((sum, { size }) => sum + size, 0);
  using part = beginPart(job, peer, asked);
  const { signal, came } = part;
  try {
    const blocks = await peer.client.blobs(wanted, { stallMs: job.stallMs, signal, came });
    const content = blocks.reduce((sum, block) => sum + (block?.length ?? 0), 0);
    // Packed bytes stood for more than came.
    came(Math.max(0, content - part.arrived));
    return blocks;
  } catch (error) {
    if (error instanceof PeerFault) peer.penalise(error.message);
    else if (!signal.aborted) peer.suspect();
    return [];
  }
}
