import type { Digest } from '../base/digest.js';
import { FACT_CHARS, type Facts, publicFacts } from '../keying/facts.js';
import { BOUNDS, type ToldOutcome } from '../wire/http.js';

/** Name of the table that holds them, by the units' names. */
export const OUTCOMES = 'outcomes';

/** One outcome of a unit that later ones, here and at peers, are compared with. Kept on disk. */
export interface PastOutcome {
  key: Digest;
  /** Milliseconds since the epoch. */
  at: number;
  outcome: 'hit' | 'miss' | 'bypass';
  from: string;
  /** Why the result stays on this machine; [] when it does not. */
  local: string[];
  facts: Facts;
  /** Private: peers are not told. */
  withheld?: true;
}

/** Outcomes with different keys that are kept of a unit. */
export const MAX_OUTCOMES = 4;

/** Endings of a compile that leave a result in the store. */
const KEPT = new Set(['stored', 'checked', 'differs']);

/** Whether a result was in the store then. */
export function isKept({ outcome, from }: Pick<PastOutcome, 'outcome' | 'from'>): boolean {
  return outcome === 'hit' || KEPT.has(from);
}

/** What peers are told of a unit: nothing at all while the latest outcome is private. */
export function publicOutcomes(past: readonly PastOutcome[]): ToldOutcome[] {
  return past[0]?.withheld ? [] : past.filter(({ withheld }) => !withheld).map(told);
}

/** What a peer is told of it, within the bounds of the wire. */
function told({ key, at, outcome, from, local, facts }: PastOutcome): ToldOutcome {
  const { words, named } = publicFacts(facts);
  return {
    key,
    at,
    outcome,
    from: from.slice(0, FACT_CHARS),
    local: local.map((reason) => reason.slice(0, FACT_CHARS)),
    facts: { words: words.slice(0, BOUNDS.words), named: named.slice(0, BOUNDS.facts) },
  };
}
