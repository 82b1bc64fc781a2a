import { compareStandings, standingOf } from './choose.js';
import { foreign, groupedBy } from './foreign.js';
import type { Candidate, PipelinePorts } from './ports.js';
import { blobsOf } from './restore.js';
import { Slices } from './script/slices.js';
import { bring, type Digested, keep } from './take.js';

/** Nobody waits for these. */
const FETCH_MS = 60_000;

export interface Adopting {
  /** Bytes to fetch at most. */
  maxBytes: number;
  /** Whether so many bytes can be kept without taking away anything of this node's own. */
  hasRoom(bytes: number): boolean;
  /** Resolves when no build is under way; false when the node stops first. */
  quiet(): Promise<boolean>;
}

/**
 * Stores what a peer has that all nodes prefer to what is here, so that the next builds of both
 * ask for the same keys. All at once, and between two builds: a crate that is compiled against one
 * old and one new dependency would be compiled for nothing. Calls have their turn in between; a build
 * that begins meanwhile has all of it some milliseconds later.
 *
 * @param offers for result keys of this store, checked for signature, membership and shape
 */
export async function adopt(
  offers: readonly Candidate[],
  ports: PipelinePorts,
  { maxBytes, hasRoom, quiet }: Adopting,
): Promise<void> {
  const slices = new Slices();
  const preferred = await bestOfEachKey(offers, ports, slices);
  const blobs = preferred.flatMap(({ result }) => blobsOf(result));
  using _pins = ports.store.pin(blobs.map(({ digest }) => digest));
  const brought: (Digested & { peer: string | undefined; received: number })[] = [];
  let left = maxBytes;
  for (const offer of preferred) {
    await slices.pause();
    const bytes = blobsOf(offer.result)
      .filter(({ digest, size }) => ports.store.check(digest, size) === 'gone')
      .reduce((sum, { size }) => sum + size, 0);
    if (bytes > left || !hasRoom(bytes)) continue;
    if (!(await quiet())) return;
    const came = await bring(offer, FETCH_MS, ports);
    if (came === undefined) continue;
    left -= came.received;
    brought.push({ ...offer, ...came });
  }
  if (brought.length === 0 || !(await quiet())) return;
  for (const offer of brought) {
    await slices.pause();
    // Meanwhile a build may have brought in the same or a better one.
    if (!isPreferred(offer, ports) || keep(offer, ports, { untried: true }) === undefined) continue;
    const { crateName, unitKey } = offer.result;
    ports.recorder.adopted(crateName, unitKey, offer.peer, offer.received);
  }
}

async function bestOfEachKey(
  offers: readonly Candidate[],
  ports: PipelinePorts,
  slices: Slices,
): Promise<Digested[]> {
  const { hasher } = ports;
  const best = new Map<string, Digested>();
  for (const [unitKey, theirs] of groupedBy(offers, ({ result }) => result.unitKey)) {
    for (const offer of foreign(unitKey, theirs, ports, () => true).usable) {
      const { result } = offer;
      const rival = best.get(result.resultKey)?.result ?? result;
      const order = compareStandings(standingOf(result, hasher), standingOf(rival, hasher));
      if (order > 0 || !isPreferred(offer, ports)) continue;
      best.set(result.resultKey, offer);
    }
    await slices.pause();
  }
  return [...best.values()];
}

/** Whether it beats all that is here, and makes what those make. */
function isPreferred({ result }: Pick<Candidate, 'result'>, ports: PipelinePorts): boolean {
  const { store, hasher } = ports;
  const here = store.resultsOf(result.resultKey);
  const standing = standingOf(result, hasher);
  return (
    here.length > 0 &&
    here.every(
      (stored) =>
        rolesOf(stored.result) === rolesOf(result) &&
        compareStandings(standing, standingOf(stored.result, hasher)) < 0,
    )
  );
}

function rolesOf({ outputs }: Candidate['result']): string {
  return outputs
    .map(({ role }) => role)
    .sort()
    .join();
}
