import type { Digest } from '../base/digest.js';
import { linkSignals } from '../base/signals.js';
import { BOUNDS, type Found, type Standing } from '../wire/http.js';
import { type FoundChecks, soundPart } from './checkFound.js';
import { PeerFault } from './fault.js';
import type { Peer } from './peer.js';
import type { Candidate } from './question.js';

/** One result of ours, and the key under which peers are asked for it. */
export interface Held {
  unitKey: Digest;
  standing: Standing;
}

/** Nobody waits for these answers. */
const REQUEST_MS = 5_000;
/** Unit keys in one question for whole results, to keep the answers small. */
const AT_ONCE = 16;

/**
 * What one peer has that is preferred to our own results of the same keys. First it is asked with
 * a few bytes a result, and mostly that is all: only what it says to have better comes whole.
 *
 * @returns checked for signature, membership and shape; it is for the caller to compare them
 */
export async function offersOf(
  peer: Peer,
  held: readonly Held[],
  options: { checks: FoundChecks; closed: AbortSignal },
): Promise<Candidate[]> {
  const offers: Candidate[] = [];
  try {
    for (let at = 0; at < held.length; at += BOUNDS.standings) {
      const part = held.slice(at, at + BOUNDS.standings);
      const standings = part.map(({ standing }) => standing);
      const better = new Set(
        await within(options.closed, (signal) => peer.client.better(standings, signal)),
      );
      const wanted = part.filter(({ standing }) => better.has(standing));
      for (let from = 0; from < wanted.length; from += AT_ONCE) {
        offers.push(...(await whole(peer, wanted.slice(from, from + AT_ONCE), options)));
      }
    }
  } catch (error) {
    // Silence says nothing here: the next hello decides.
    if (error instanceof PeerFault) peer.penalise(error.message);
  }
  return offers;
}

async function whole(
  peer: Peer,
  wanted: readonly Held[],
  options: { checks: FoundChecks; closed: AbortSignal },
): Promise<Candidate[]> {
  const unitKeys = [...new Set(wanted.map(({ unitKey }) => unitKey))];
  const resultKeys = new Set(wanted.map(({ standing }) => standing[0]));
  const checked = await heldBy(peer, unitKeys, options);
  return checked.filter(({ result }) => resultKeys.has(result.resultKey));
}

/** What one peer has for unit keys, checked. @throws PeerFault for a lie */
export async function heldBy(
  peer: Peer,
  unitKeys: readonly Digest[],
  { checks, closed }: { checks: FoundChecks; closed: AbortSignal },
): Promise<Candidate[]> {
  const answers = await within(closed, (signal) => peer.client.find(unitKeys, signal));
  return unitKeys.flatMap((unitKey, index) =>
    answers[index]!.flatMap((found) => check(peer, unitKey, found, checks)),
  );
}

/** @throws PeerFault for a lie */
function check({ node }: Peer, unitKey: Digest, found: Found, checks: FoundChecks): Candidate[] {
  const sound = soundPart(unitKey, found, checks);
  if (sound === undefined) return [];
  const { manifest, result } = found;
  return [{ manifest, result, attestations: sound.attestations, holders: [node] }];
}

export async function within<T>(closed: AbortSignal, ask: (signal: AbortSignal) => Promise<T>) {
  using linked = linkSignals([closed], { deadlineMs: REQUEST_MS });
  return await ask(linked.signal);
}
