import { canonicalJson } from '../base/canonical.js';
import { toVriftError } from '../base/errors.js';
import type { Change } from '../keying/explain.js';
import { firstDifference, manifestDigest, resultKeyOf } from '../keying/manifest.js';
import { byPreference, expectsOutputs, unfit } from './choose.js';
import { messageFormat } from './messages.js';
import type { Candidate, PipelinePorts, StoredResult } from './ports.js';
import type { Unit } from './prepare.js';
import { blobsOf } from './restore.js';

export interface Found {
  stored: StoredResult;
  from: 'disk' | 'peer';
  peer: string | undefined;
  /** Bytes that crossed the network. */
  received: number;
}

/** No hit, and the first input that differs from the latest result of the same unit key. */
export interface Miss {
  difference: Change | undefined;
}

/** The same for peers' results, and who holds the one that it is about. */
export interface RemoteMiss extends Miss {
  holder?: string | undefined;
}

/** The best result on this disk whose inputs are the same now. */
export function findLocal(unit: Unit, ports: PipelinePorts): Found | Miss {
  const { store, disk, hasher } = ports;
  const format = messageFormat(unit.plan, unit.roots, hasher);
  let first: Change | undefined;
  for (const { digest, manifest } of store.manifestsOf(unit.key)) {
    const difference = firstDifference(manifest, unit.roots, unit.env, disk, hasher);
    if (difference !== undefined) {
      first ??= difference;
      continue;
    }
    const results = store.resultsOf(resultKeyOf(unit.key, digest, hasher));
    for (const stored of results.toSorted(byPreference)) {
      const misfit = unfit(stored.result, unit, format);
      if (misfit !== undefined) {
        first ??= misfit;
        continue;
      }
      // Every one of them: a result is dropped for good only when all that it lost is known.
      const gone = blobsOf(stored.result).filter(
        (blob) => store.check(blob.digest, blob.size) === 'gone',
      );
      if (gone.length > 0) {
        first ??= { input: 'stored result', before: 'on this disk', after: 'damaged or gone' };
        continue;
      }
      return { stored, from: 'disk', peer: undefined, received: 0 };
    }
  }
  return { difference: first };
}

/** Milliseconds: a peer's answer is worth waiting for in relation to what compiling costs. */
const FIND_MS = { least: 300, most: 2_000 };
/** The same for what is most likely an edit that only this machine has. */
const FIND_EDITED_MS = { least: 200, most: 300 };
const FETCH_MS = { least: 1_500, most: 60_000 };

/**
 * The best result that a peer has, fetched, verified and stored.
 *
 * @param expectedMs what compiling is expected to take here
 */
export async function findRemote(
  unit: Unit,
  expectedMs: number,
  ports: PipelinePorts,
): Promise<Found | RemoteMiss> {
  const { mesh, disk, hasher } = ports;
  const miss: RemoteMiss = { difference: undefined };
  if (!mesh.reachable) return miss;
  const format = messageFormat(unit.plan, unit.roots, hasher);
  const hasty = isLikelyEdited(unit);
  const deadlineMs = hasty ? clamp(expectedMs / 4, FIND_EDITED_MS) : clamp(expectedMs / 2, FIND_MS);
  const candidates = await mesh.find(unit.key, { deadlineMs, hasty });
  const fitting = candidates.filter(({ result }) => {
    if (expectsOutputs(result, unit)) return true;
    const what = `a peer's result for ${result.crateName} has other outputs than the call makes`;
    ports.recorder.error('VRIFT_PEER_INVALID', what);
    return false;
  });
  const ranked = fitting
    .filter(({ result }) => result.class !== 'warm')
    .map((candidate) => ({
      ...candidate,
      resultDigest: hasher.hash(canonicalJson(candidate.result)),
    }))
    .toSorted(byPreference);
  for (const candidate of ranked) {
    const { manifest, result, holders } = candidate;
    const digest = manifestDigest(manifest, hasher);
    if (result.resultKey !== resultKeyOf(unit.key, digest, hasher)) continue;
    const difference =
      unfit(result, unit, format) ??
      firstDifference(manifest, unit.roots, unit.env, disk, hasher, 'known-roots');
    if (difference === undefined) {
      const found = await take(candidate, Math.max(expectedMs, result.compileMs), ports);
      if (found !== undefined) return found;
    } else if (miss.difference === undefined) {
      miss.difference = difference;
      miss.holder = holders[0];
    }
  }
  return miss;
}

/**
 * Whether somebody edits here: a warm state, or a dependency that was compiled from one. It may as
 * well be a colleague's branch, so peers are asked all the same.
 */
function isLikelyEdited(unit: Unit): boolean {
  if (unit.incremental?.warm) return true;
  return [...unit.closure.records.values()].some((record) => record.localOnly);
}

function clamp(ms: number, bounds: { least: number; most: number }): number {
  return Math.min(Math.max(ms, bounds.least), bounds.most);
}

async function take(
  candidate: Candidate & { resultDigest: StoredResult['resultDigest'] },
  expectedMs: number,
  ports: PipelinePorts,
): Promise<Found | undefined> {
  const { store, mesh } = ports;
  const missing = blobsOf(candidate.result).filter(
    (blob) => store.check(blob.digest, blob.size) === 'gone',
  );
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
      const deadlineMs = clamp(expectedMs * 1.5, FETCH_MS);
      const fetched = await mesh.fetch(candidate, need, { deadlineMs });
      if (fetched === undefined) return undefined;
      room[Symbol.dispose]();
      for (const blob of need) {
        await store.adopt(fetched.files.get(blob.digest)!, blob.digest, blob.size);
      }
      peer = fetched.from;
      received = fetched.bytes;
    }
    if (need.length < missing.length) await store.putBytes(Buffer.alloc(0));
    const { result, manifest, attestations, resultDigest } = candidate;
    const stored: StoredResult = {
      result,
      manifest,
      resultDigest,
      attestations,
      localOnly: false,
      origin: 'peer',
    };
    store.putResult(stored);
    return { stored, from: 'peer', peer, received };
  } catch (error) {
    const failure = toVriftError(error);
    ports.recorder.error(failure.code, failure.message);
    return undefined;
  }
}
