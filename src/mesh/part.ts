import { linkSignals } from '../base/signals.js';
import type { Job } from './fetch.js';
import type { Peer } from './peer.js';

/** How often a download is looked at that may be too slow. */
const LOOK_MS = 250;

/** One download of a fetch from one peer. */
export interface Part extends Disposable {
  /** Aborts with the fetch, and when the peer is too slow for it: another may do. */
  readonly signal: AbortSignal;
  /** Content that came so far. */
  readonly arrived: number;
  came(bytes: number): void;
}

/** @param bytes content that is asked for */
export function beginPart(job: Job, peer: Peer, bytes: number): Part {
  const linked = linkSignals([job.signal]);
  const download = peer.goodput.begin(job, bytes);
  const look = () => {
    if (job.isTooSlow(peer)) linked.abort(new Error('it would come too late'));
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    signal: linked.signal,
    get arrived() {
      return download.arrived;
    },
    came: (more) => {
      job.left = Math.max(0, job.left - more);
      download.came(more);
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      download[Symbol.dispose]();
      linked[Symbol.dispose]();
    },
  };
}
