import type { Digest } from '../base/digest.js';
import { resultDigestOf } from '../base/resultDigest.js';
import { manifestDigest, resultKeyOf } from '../keying/manifest.js';
import { preferredFirst } from './choose.js';
import type { Candidate, Objection, PipelinePorts } from './ports.js';
import type { Digested } from './take.js';

/** What peers have for one unit key. */
export interface Foreign {
  /** Those that may be used if their inputs are the same here, the preferred one first. */
  usable: Digested[];
  /** Why another may not, and who has that. */
  refused: { objection: Objection; holder: string | undefined } | undefined;
}

/**
 * What a consumer checks of results that it did not compile, in the order of docs/protocol.md.
 * That their parts belong together, and that the signatures hold, was checked where they came in
 * (mesh/checkFound): whoever sends such a thing is at fault. The rest is no fault of a peer's, and
 * nothing that a manifest names is looked at before it.
 *
 * @param isExpected whether outputs are exactly those that the call makes
 */
export function foreign(
  unitKey: Digest,
  candidates: readonly Candidate[],
  ports: PipelinePorts,
  isExpected: (candidate: Candidate) => boolean,
): Foreign {
  const { hasher, trust, store, conflicts } = ports;
  let refused: Foreign['refused'];
  const usable: Digested[] = [];
  const all: Digested[] = candidates
    .filter(({ result, manifest }) => {
      const key = resultKeyOf(unitKey, manifestDigest(manifest, hasher), hasher);
      return result.unitKey === unitKey && result.resultKey === key && result.class !== 'warm';
    })
    .map((one) => ({ ...one, resultDigest: resultDigestOf(one.result, hasher) }));
  for (const candidate of all) {
    const objection = trust.taking(candidate);
    if (objection !== undefined) {
      refused ??= { objection, holder: candidate.holders[0] };
    } else if (isExpected(candidate)) {
      usable.push(candidate);
    }
  }
  for (const [key, rivals] of groupedBy(all, ({ result }) => result.resultKey)) {
    const theirs = rivals.map((rival) => ({ ...rival, origin: 'peer' as const }));
    conflicts.saw([...store.resultsOf(key), ...theirs]);
  }
  return { usable: preferredFirst(usable, hasher), refused };
}

/** In the order in which the keys came first. */
export function groupedBy<T>(
  candidates: readonly T[],
  keyOf: (one: T) => Digest,
): Map<Digest, T[]> {
  const groups = new Map<Digest, T[]>();
  for (const candidate of candidates) {
    const key = keyOf(candidate);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [candidate]);
    else group.push(candidate);
  }
  return groups;
}
