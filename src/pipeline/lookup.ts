import type { Digest } from '../base/digest.js';
import type { Change } from '../keying/explain.js';
import { firstDifference, resultKeyOf } from '../keying/manifest.js';
import { expectsOutputs, misfit, preferredFirst, speaks, unfit } from './choose.js';
import { foreign } from './foreign.js';
import { messageFormat } from './messages.js';
import type { Objection, PipelinePorts, StoredResult } from './ports.js';
import type { Unit } from './prepare.js';
import { blobsOf } from './restore.js';
import { type Budget, fetchBudget, take } from './take.js';

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
  /** Why a result that is there was not used. */
  refused?: Objection | undefined;
}

/** The same for peers' results, and who holds the one that it is about. */
export interface RemoteMiss extends Miss {
  holder?: string | undefined;
}

/** The best result on this disk whose inputs are the same now. */
export function findLocal(unit: Unit, ports: PipelinePorts): Found | Miss {
  const { store, disk, hasher, trust } = ports;
  let first: Change | undefined;
  let refused: Objection | undefined;
  for (const { digest, manifest } of store.manifestsOf(unit.key)) {
    const all = store.resultsOf(resultKeyOf(unit.key, digest, hasher));
    const reach = reachOf(all);
    const difference = firstDifference(manifest, unit.roots, unit.env, disk, hasher, reach);
    if (difference !== undefined) {
      first ??= difference;
      continue;
    }
    const results = all.filter((stored) => {
      const objection = trust.keeping(stored);
      refused ??= objection;
      return objection === undefined;
    });
    const stored = bestOf(results, unit, ports);
    if (stored) return { stored, from: 'disk', peer: undefined, received: 0 };
    first ??= whyNone(results, unit, ports);
  }
  return { difference: first, refused };
}

/** A manifest that only peers know names no files but where a build of this machine looks anyway. */
export function reachOf(results: readonly StoredResult[]): 'any' | 'known-roots' {
  return results.some(({ origin }) => origin === 'own') ? 'any' : 'known-roots';
}

/**
 * The preferred one of several results of the same inputs. Messages are the same for all of them
 * but for their looks, so those may be another's: what a crate was compiled to does not hang on
 * whose terminal was wide.
 */
function bestOf(
  results: readonly StoredResult[],
  unit: Unit,
  { store, mesh, hasher }: PipelinePorts,
): StoredResult | undefined {
  const format = messageFormat(unit.plan, unit.roots, hasher);
  const isHere = (blob: { digest: Digest; size: number }) =>
    store.check(blob.digest, blob.size) === 'ok';
  const inOrder = preferredFirst(results, hasher);
  // Without peers, one that was only adopted would leave this node without its dependents.
  const untried = mesh.reachable ? [] : inOrder.filter((stored) => stored.untried);
  const outputs = [...inOrder.filter((stored) => !untried.includes(stored)), ...untried];
  for (const stored of outputs) {
    if (misfit(stored.result, unit) !== undefined) continue;
    for (const { result } of [stored, ...inOrder]) {
      if (!speaks(result, format)) continue;
      const { messages, stdout, stderr } = result;
      const whole =
        result === stored.result
          ? stored
          : { ...stored, result: { ...stored.result, messages, stdout, stderr } };
      // Every blob: a result is dropped for good only when all that it lost is known.
      if (blobsOf(whole.result).filter((blob) => !isHere(blob)).length === 0) return whole;
    }
  }
  return undefined;
}

/** Why none of the results of these inputs can be put in place. */
function whyNone(
  results: readonly StoredResult[],
  unit: Unit,
  { hasher }: PipelinePorts,
): Change | undefined {
  const format = messageFormat(unit.plan, unit.roots, hasher);
  const [best] = preferredFirst(results, hasher);
  if (best === undefined) return undefined;
  const gone = { input: 'stored result', before: 'on this disk', after: 'damaged or gone' };
  return unfit(best.result, unit, format) ?? gone;
}

/** Milliseconds: a peer's answer is worth waiting for in relation to what compiling costs. */
const FIND_MS = { least: 300, most: 2_000 };
/** The same for what is most likely an edit that only this machine has. */
const FIND_EDITED_MS = { least: 200, most: 300 };

/**
 * The best result that a peer has, fetched, verified and stored.
 *
 * @param expectedMs what compiling is expected to take here
 * @param onHolder   told who has it, before it is fetched
 * @param leftFor    what the call still waits for content; all candidates share it
 */
export async function findRemote(
  unit: Unit,
  expectedMs: number,
  ports: PipelinePorts,
  onHolder: (node: string | undefined) => void,
  leftFor: Budget = fetchBudget(ports.clock, expectedMs),
): Promise<Found | RemoteMiss> {
  const { mesh, disk, hasher, trust } = ports;
  const miss: RemoteMiss = { difference: undefined };
  if (unit.offMesh !== undefined || !mesh.reachable || isSurelyNew(unit)) return miss;
  if (trust.isRecalledToolchain(unit.toolchain.id)) return miss;
  const format = messageFormat(unit.plan, unit.roots, hasher);
  const hasty = isLikelyEdited(unit);
  const deadlineMs = hasty ? clamp(expectedMs / 4, FIND_EDITED_MS) : clamp(expectedMs / 2, FIND_MS);
  const candidates = await mesh.find(unit.key, { deadlineMs, hasty });
  const { usable, refused } = foreign(unit.key, candidates, ports, ({ result }) => {
    if (expectsOutputs(result, unit)) return true;
    const what = `a peer's result for ${result.crateName} has other outputs than the call makes`;
    ports.recorder.error('VRIFT_PEER_INVALID', what);
    return false;
  });
  if (refused !== undefined) {
    miss.refused = refused.objection;
    miss.holder = refused.holder;
  }
  for (const candidate of usable) {
    const { manifest, result, holders } = candidate;
    const difference =
      unfit(result, unit, format) ??
      firstDifference(manifest, unit.roots, unit.env, disk, hasher, 'known-roots');
    if (difference === undefined) {
      const leftMs = leftFor(result.compileMs);
      if (leftMs === 0) continue;
      onHolder(holders[0]);
      const found = await take(candidate, leftMs, ports);
      if (found !== undefined) return found;
    } else if (miss.difference === undefined) {
      miss.difference = difference;
      miss.holder = holders[0];
    }
  }
  return miss;
}

/**
 * Whether a dependency was compiled here from a warm state, and so is this: whoever had the same
 * would have had the dependency, for which peers were asked.
 */
function isSurelyNew(unit: Unit): boolean {
  return unit.incremental?.warm === true && hasLocalDependency(unit);
}

function hasLocalDependency(unit: Unit): boolean {
  return [...unit.closure.records.values()].some((record) => record.localOnly);
}

/**
 * Whether somebody edits here: a warm state, or a dependency that was compiled from one. It may as
 * well be a colleague's branch, so peers are asked all the same.
 */
function isLikelyEdited(unit: Unit): boolean {
  return unit.incremental?.warm === true || hasLocalDependency(unit);
}

function clamp(ms: number, bounds: { least: number; most: number }): number {
  return Math.min(Math.max(ms, bounds.least), bounds.most);
}
