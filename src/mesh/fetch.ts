import { rmSync } from 'node:fs';
import type { Digest, Hasher } from '../base/digest.js';
import { Gate } from '../base/gate.js';
import { linkSignals } from '../base/signals.js';
import { DiskFault } from './fault.js';
import { type Blob, fetchBatch, planBatches } from './fetchBatch.js';
import { fetchStream } from './fetchStream.js';
import type { Within } from './find.js';
import type { Peer } from './peer.js';
import { FileSink } from './sink.js';
import { sharedSignal } from './stall.js';

/** Streams of one fetch at a time. */
const PARALLEL = 8;

export interface Fetched {
  files: Map<Digest, string>;
  /** Node id of the peer that gave most of it. */
  from: string;
  bytes: number;
}

export interface FetcherOptions {
  /** Usable peers among these nodes, in this order. */
  holders(nodes: readonly string[]): Peer[];
  hasher: Hasher;
  /** A fresh path on the store's filesystem each time. */
  tmpPath(): string;
  /** The disk's fault, not a peer's. */
  onDiskError(fault: DiskFault): void;
  stallMs?: number;
}

const STALL_MS = 1_000;

/**
 * Nobody waits for longer than this: whoever gives more time has content brought ahead of need,
 * and takes it whenever it comes.
 */
const MOST_MS = 60_000;
/** A fetch is given up where it should take so many times what is left. */
const LENIENCE = 1.5;

/** What the downloads of one fetch share. */
export interface Job {
  holders: Peer[];
  signal: AbortSignal;
  stallMs: number;
  /** Content that did not come yet; what has to come twice counts once. */
  left: number;
  /** Whether what is left would come too late from that peer, as far as its goodput is known. */
  isTooSlow(peer: Peer): boolean;
  openSink(blob: Blob): FileSink;
  /** Bytes that were kept, by giver. */
  credit(peer: Peer, bytes: number): void;
}

/**
 * Brings blobs into temporary files: small ones together in one answer, large ones as streams
 * that any holder can continue. All or nothing.
 */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #closed = new AbortController();

  constructor(options: FetcherOptions) {
    this.#options = options;
    sharedSignal(this.#closed.signal);
  }

  /**
   * @returns undefined when not everything could be had in time, which may be clear before the
   *   time is over; no file is left then
   */
  async fetch(
    candidate: { holders: readonly string[] },
    need: readonly Blob[],
    within: Within,
  ): Promise<Fetched | undefined> {
    using linked = linkSignals([within.signal, this.#closed.signal], {
      deadlineMs: within.deadlineMs,
    });
    const files = new Map<Digest, string>();
    const given = new Map<Peer, number>();
    const { hasher, tmpPath, stallMs = STALL_MS } = this.#options;
    const wanted = unique(need);
    const isWaitedFor = within.deadlineMs <= MOST_MS;
    const untilMs = isWaitedFor ? performance.now() + within.deadlineMs : Number.POSITIVE_INFINITY;
    const job: Job = {
      holders: this.#options.holders(candidate.holders),
      signal: sharedSignal(linked.signal),
      stallMs,
      left: wanted.reduce((sum, { size }) => sum + size, 0),
      isTooSlow: ({ goodput }) =>
        goodput.expectedMs(job, job.left) > LENIENCE * (untilMs - performance.now()),
      openSink: (blob) => {
        const path = tmpPath();
        const sink = new FileSink(blob, path, hasher);
        files.set(blob.digest, path);
        return sink;
      },
      credit: (peer, bytes) => given.set(peer, (given.get(peer) ?? 0) + bytes),
    };
    try {
      await this.#fetchAll(job, wanted, linked.abort);
    } catch (error) {
      for (const path of files.values()) rmSync(path, { force: true });
      if (error instanceof DiskFault) this.#options.onDiskError(error);
      return undefined;
    }
    const bytes = need.reduce((sum, { size }) => sum + size, 0);
    return { files, from: settle(given), bytes };
  }

  close(): void {
    this.#closed.abort(new Error('the node stops'));
  }

  /** The first failure ends all others before this returns, so that nobody writes any more. */
  async #fetchAll(job: Job, need: Blob[], abort: (reason: unknown) => void): Promise<void> {
    if (job.holders.length === 0) throw new Error('no holder is connected');
    if (job.holders.every(job.isTooSlow)) throw new Error('it would come too late');
    const { batches, single } = planBatches(need);
    const gate = new Gate(PARALLEL);
    const tasks = [
      ...batches.map((batch) => () => fetchBatch(job, batch)),
      ...single.map((blob) => () => fetchStream(job, blob)),
    ].map((task) =>
      gate.run(task, job.signal).catch((error: unknown) => {
        abort(error);
        throw error;
      }),
    );
    const results = await Promise.allSettled(tasks);
    const failures = results.filter((result) => result.status === 'rejected');
    const disk = failures.find(({ reason }) => reason instanceof DiskFault);
    const [first] = disk ? [disk] : failures;
    if (first) throw first.reason;
  }
}

/** Books who gave how much. @returns the node that gave most */
function settle(given: ReadonlyMap<Peer, number>): string {
  const [most] = [...given].sort(([, a], [, b]) => b - a);
  for (const [peer, bytes] of given) peer.bytesIn += bytes;
  if (most) most[0].hits += 1;
  return most?.[0].node ?? '';
}

function unique(need: readonly Blob[]): Blob[] {
  return [...new Map(need.map((blob) => [blob.digest, blob])).values()];
}
