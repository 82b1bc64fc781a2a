import type { Digest } from '../base/digest.js';
import type { FoundChecks } from './checkFound.js';
import { PeerFault, RouteMissing } from './fault.js';
import { heldBy, within } from './offers.js';
import type { Peer } from './peer.js';
import type { Candidate } from './question.js';

interface Options {
  checks: FoundChecks;
  closed: AbortSignal;
}

/** What a peer used after a unit, in the order of use; [] when it does not say. */
export function unitsAfter(peer: Peer, unitKey: Digest, { closed }: Options): Promise<Digest[]> {
  return orNothing(peer, () => within(closed, (signal) => peer.client.next(unitKey, signal)));
}

/** What a peer has for unit keys, checked; [] when it does not say. */
export function resultsOf(
  peer: Peer,
  unitKeys: readonly Digest[],
  options: Options,
): Promise<Candidate[]> {
  return orNothing(peer, () => heldBy(peer, unitKeys, options));
}

/** Nobody waits for these answers, so silence says nothing: the next hello decides. */
async function orNothing<T>(peer: Peer, ask: () => Promise<T[]>): Promise<T[]> {
  try {
    return await ask();
  } catch (error) {
    // An older version has no such route.
    if (error instanceof PeerFault && !(error instanceof RouteMissing)) {
      peer.penalise(error.message);
    }
    return [];
  }
}
