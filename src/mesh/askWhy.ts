import type { Digest } from '../base/digest.js';
import { toVriftError, VriftError } from '../base/errors.js';
import { linkSignals } from '../base/signals.js';
import { BOUNDS, type Found, type ToldOutcome } from '../wire/http.js';
import { checkFound, type FoundChecks } from './checkFound.js';
import { PeerFault, RouteMissing } from './fault.js';
import type { Peer } from './peer.js';

/** A person waits. */
const ANSWER_MS = 5_000;

/** What one peer made of units: its outcomes by name, or its results by unit key. */
export type WhyQuestion =
  | { kind: 'outcomes'; units: readonly string[] }
  | { kind: 'results'; keys: readonly Digest[] };

/**
 * Asks one peer, in as many requests as it takes.
 *
 * @returns one list per unit or key, in their order
 * @throws VRIFT_PEER_PROTOCOL for a peer too old to answer, VRIFT_PEER_AWAY, VRIFT_PEER_INVALID
 */
export async function askWhy(
  peer: Peer,
  question: WhyQuestion,
  checks: FoundChecks,
): Promise<ToldOutcome[][] | Found[][]> {
  using within = linkSignals([], { deadlineMs: ANSWER_MS });
  const { signal } = within;
  try {
    if (question.kind === 'outcomes') {
      return await inParts(question.units, BOUNDS.whyUnits, (part) => {
        return peer.client.why(part, signal);
      });
    }
    const found = await inParts(question.keys, BOUNDS.findKeys, (part) => {
      return peer.client.find(part, signal);
    });
    return found.map((entries, index) => sound(question.keys[index]!, entries, checks));
  } catch (error) {
    throw explained(error, peer);
  }
}

async function inParts<A, T>(
  all: readonly A[],
  size: number,
  ask: (part: readonly A[]) => Promise<T[]>,
): Promise<T[]> {
  const answers: T[] = [];
  for (let at = 0; at < all.length; at += size) {
    answers.push(...(await ask(all.slice(at, at + size))));
  }
  return answers;
}

/** @throws PeerFault for a lie, as for what a build would have taken */
function sound(unitKey: Digest, found: readonly Found[], checks: FoundChecks): Found[] {
  return found.filter((each) => {
    const checked = checkFound(unitKey, each, checks);
    if (checked.kind === 'lie') throw new PeerFault(`a result: ${checked.reason}`);
    return checked.kind === 'sound';
  });
}

function explained(error: unknown, peer: Peer): VriftError {
  const name = peer.name || peer.node.slice(0, 12);
  if (error instanceof RouteMissing) {
    const { version } = peer.info();
    const message = `${name} runs vrift ${version ?? 'of another time'}, which cannot be asked why`;
    return new VriftError('VRIFT_PEER_PROTOCOL', message);
  }
  if (error instanceof PeerFault) {
    peer.penalise(error.message);
    return new VriftError('VRIFT_PEER_INVALID', `${name}: ${error.message}`);
  }
  const { message } = toVriftError(error);
  return new VriftError('VRIFT_PEER_AWAY', `${name} did not answer: ${message}`);
}
