import { HolderAbsent } from './download.js';
import { DiskFault, PeerFault } from './fault.js';
import type { Job } from './fetch.js';
import type { Blob } from './fetchBatch.js';
import { beginPart } from './part.js';
import type { Peer } from './peer.js';
import type { FileSink } from './sink.js';

/**
 * Streams one blob, from the nearest holder first; another continues where one broke off.
 *
 * @throws when no holder is left; the file is gone then
 */
export async function fetchStream(job: Job, blob: Blob): Promise<void> {
  const sink = job.openSink(blob);
  try {
    for (const peer of job.holders) {
      if (job.isTooSlow(peer)) continue;
      if (await continueFrom(job, peer, sink)) {
        sink.keep();
        return;
      }
      job.signal.throwIfAborted();
    }
    throw new Error(`no holder gave blob ${blob.digest}`);
  } catch (error) {
    sink.discard();
    throw error;
  }
}

/** @returns whether the blob is whole now */
async function continueFrom(job: Job, peer: Peer, sink: FileSink): Promise<boolean> {
  const from = sink.written;
  // A packed answer may lack nothing but its end.
  const complete = (await stream(job, peer, sink)) || isAllThere(sink);
  const whole = complete && sink.isWhole();
  if (whole || !complete) job.credit(peer, Math.max(0, sink.written - from));
  if (whole || !complete) return whole;
  sink.restart();
  if (from === 0) {
    peer.penalise(`blob ${sink.digest}: other content`);
    return false;
  }
  // Two gave parts that do not fit together: the one that is left shows whether it was it.
  return continueFrom(job, peer, sink);
}

function isAllThere({ size, written }: FileSink): boolean {
  return size > 0 && written === size;
}

/** @returns whether the announced number of bytes is there; what came of it stays otherwise */
async function stream(job: Job, peer: Peer, sink: FileSink): Promise<boolean> {
  using part = beginPart(job, peer, sink.size - sink.written);
  const { signal, came } = part;
  try {
    await peer.client.blob(sink, { stallMs: job.stallMs, signal, came });
    return true;
  } catch (error) {
    if (error instanceof PeerFault) {
      peer.penalise(error.message);
      sink.restart();
    } else if (error instanceof DiskFault) throw error;
    else if (!(error instanceof HolderAbsent) && !signal.aborted) peer.suspect();
    return false;
  }
}
