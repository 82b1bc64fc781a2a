import type { Clock } from '../base/clock.js';
import type { Digest } from '../base/digest.js';
import { toVriftError } from '../base/errors.js';
import type { Result } from '../base/result.js';
import type { Found } from './lookup.js';
import type { Candidate, PipelinePorts, StorePort } from './ports.js';
import { blobsOf } from './restore.js';

/** A candidate, and the digest of its result. */
export type Digested = Candidate & { resultDigest: Digest };

/** Content is worth waiting for in relation to what making it costs. */
const WORTH = 1.5;
const BUDGET_MS = { least: 1_500, most: 60_000 };
/** With less than this nobody is asked any more. */
const REST_MS = 100;

/**
 * Milliseconds that a call still waits for a result whose making took so many; 0: none.
 *
 * @param madeInMs where it was made; a peer's word, which counts within the bounds
 */
export type Budget = (madeInMs: number) => number;

/**
 * What one call may wait for content, whoever is asked for it and however often. It runs from its
 * first use.
 *
 * @param expectedMs what making it is expected to take here; 0 where nothing is known
 */
export function fetchBudget(clock: Clock, expectedMs = 0): Budget {
  let beganMs: number | undefined;
  return (madeInMs) => {
    const nowMs = clock.monotonic();
    beganMs ??= nowMs;
    const worthMs = WORTH * Math.max(expectedMs, madeInMs);
    const wholeMs = Math.min(Math.max(worthMs, BUDGET_MS.least), BUDGET_MS.most);
    const leftMs = wholeMs - (nowMs - beganMs);
    return leftMs < REST_MS ? 0 : leftMs;
  };
}

/** Fetches a peer's result, and stores it; undefined when not all of it could be had in time. */
export async function take(
  candidate: Digested,
  deadlineMs: number,
  ports: PipelinePorts,
): Promise<Found | undefined> {
  const brought = await bring(candidate, deadlineMs, ports);
  const stored = brought && keep(candidate, ports);
  return stored && { stored, from: 'peer', ...brought };
}

/** Fetches the blobs that are missing here, verified; no result names them yet. */
export async function bring(
  candidate: Candidate,
  deadlineMs: number,
  ports: PipelinePorts,
): Promise<{ peer: string | undefined; received: number } | undefined> {
  const { store, mesh } = ports;
  const missing = missingOf(candidate.result, store);
  const need = missing.filter(({ size }) => size > 0);
  const bytes = need.reduce((sum, blob) => sum + blob.size, 0);
  try {
    using room = store.reserve(bytes);
    if (room === undefined) {
      ports.recorder.error('VRIFT_STORE_FULL', `no room for ${bytes} bytes from the mesh`);
      return undefined;
    }
    let peer = candidate.holders[0];
    let received = 0;
    if (need.length > 0) {
      const fetched = await mesh.fetch(candidate, need, { deadlineMs });
      if (fetched === undefined) {
        ports.recorder.late(candidate.result.crateName);
        return undefined;
      }
      room[Symbol.dispose]();
      for (const blob of need) {
        await store.adopt(fetched.files.get(blob.digest)!, blob.digest, blob.size);
      }
      peer = fetched.from;
      received = fetched.bytes;
    }
    if (need.length < missing.length) await store.putBytes(Buffer.alloc(0));
    return { peer, received };
  } catch (error) {
    const failure = toVriftError(error);
    ports.recorder.error(failure.code, failure.message);
    return undefined;
  }
}

/** Blobs of a result that are not here. */
export function missingOf(result: Result, store: StorePort): { digest: Digest; size: number }[] {
  return blobsOf(result).filter(({ digest, size }) => store.check(digest, size) === 'gone');
}

/** Stores a result whose blobs are here. */
export function keep(
  candidate: Digested,
  { store, recorder, trust }: PipelinePorts,
  mark: { untried?: true } = {},
): Found['stored'] | undefined {
  const { result, manifest, attestations, resultDigest } = candidate;
  // It was asked before the content came: meanwhile a recall may have.
  const objection = trust.taking(candidate);
  if (objection !== undefined) {
    recorder.refused(objection.reason, result.crateName);
    return undefined;
  }
  const stored: Found['stored'] = {
    result,
    manifest,
    resultDigest,
    attestations,
    localOnly: false,
    origin: 'peer',
    ...mark,
  };
  try {
    store.putResult(stored);
    return stored;
  } catch (error) {
    const failure = toVriftError(error);
    recorder.error(failure.code, failure.message);
    return undefined;
  }
}
