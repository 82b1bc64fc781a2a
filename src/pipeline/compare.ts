import type { Digest } from '../base/digest.js';
import { changedManifests } from '../keying/compareManifests.js';
import { type Change, nearest } from '../keying/explain.js';
import { publicFacts } from '../keying/facts.js';
import type { Found, ToldOutcome } from '../wire/http.js';
import { dependencyOf } from './cascade.js';
import type { History, LastOutcome } from './history.js';
import { isKept } from './outcomes.js';
import type { StorePort } from './ports.js';

/** One peer, as it is asked why. */
export interface ComparedPeer {
  outcomes(units: readonly string[]): Promise<ToldOutcome[][]>;
  /** What it would give for unit keys, checked. */
  results(keys: readonly Digest[]): Promise<Found[][]>;
}

/** `same`: its result would be taken. `unknown`: it never compiled the unit, or forgot. */
export type PeerState = 'differs' | 'same' | 'unknown';

/** A unit's last outcome here, with what differs from the peer's nearest result. */
export interface Compared extends LastOutcome {
  state: PeerState;
}

/** Bounds what one question makes peers do. */
const MAX_UNITS = 512;
const MAX_ROUNDS = 16;

/**
 * Compares units with a peer's: parts of their keys first and, where keys are equal, what was
 * read. Dependencies that differ are compared as well, down to where it begins. No file is looked
 * at: each side's words and manifests are enough.
 */
export async function compareWith(
  peer: ComparedPeer,
  wanted: readonly LastOutcome[],
  history: History,
  store: Pick<StorePort, 'manifestsOf' | 'resultsOf'>,
): Promise<Map<LastOutcome, Compared>> {
  const all = history.latest();
  const compared = new Map<LastOutcome, Compared>();
  let open = wanted.filter(({ name }) => name !== '').slice(0, MAX_UNITS);
  for (let round = 0; open.length > 0 && round < MAX_ROUNDS; round += 1) {
    for (const entry of await compareAll(peer, open, history, store)) {
      compared.set(entry.of, entry.as);
    }
    const next = new Set<LastOutcome>();
    for (const entry of open) {
      for (const { input } of compared.get(entry)?.diff ?? []) {
        const below = dependencyOf(entry, input, all);
        if (below !== undefined && below.name !== '' && !compared.has(below)) next.add(below);
      }
    }
    open = [...next].slice(0, Math.max(0, MAX_UNITS - compared.size));
  }
  return compared;
}

async function compareAll(
  peer: ComparedPeer,
  units: readonly LastOutcome[],
  history: History,
  store: Pick<StorePort, 'manifestsOf' | 'resultsOf'>,
): Promise<{ of: LastOutcome; as: Compared }[]> {
  const answers = await peer.outcomes(units.map(({ name }) => name));
  const results = await peer.results(units.map(({ key }) => key as Digest));
  return units.map((of, index) => {
    const found = results[index] ?? [];
    const { state, diff } = verdict(of, answers[index] ?? [], found, history, store);
    return { of, as: { ...of, state, diff } };
  });
}

function verdict(
  unit: LastOutcome,
  theirs: readonly ToldOutcome[],
  found: readonly Found[],
  history: History,
  store: Pick<StorePort, 'manifestsOf' | 'resultsOf'>,
): { state: PeerState; diff: Change[] } {
  const differs = (...diff: Change[]) => ({ state: 'differs' as const, diff });
  if (found.length > 0) {
    const diff = readDifferently(unit, found, store);
    return diff.length === 0 ? { state: 'same', diff } : { state: 'differs', diff };
  }
  const same = theirs.find(({ key }) => key === unit.key);
  if (same !== undefined) {
    const after = 'to be had';
    const [reason] = same.local;
    if (reason !== undefined) return differs({ input: 'stays there', before: reason, after });
    const before = isKept(same) ? 'no longer there' : same.from;
    return differs({ input: 'stored result', before, after });
  }
  const own = history.past(unit.name).find(({ key }) => key === unit.key);
  const best = own === undefined ? undefined : nearest(theirs, publicFacts(own.facts));
  return best === undefined ? { state: 'unknown', diff: [] } : differs(...best.changes);
}

/** Of several results of the peer, what differs least from what was read here. */
function readDifferently(
  { key, from }: LastOutcome,
  found: readonly Found[],
  store: Pick<StorePort, 'manifestsOf' | 'resultsOf'>,
): Change[] {
  const [own] = store.manifestsOf(key as Digest);
  if (own === undefined) {
    return [{ input: 'stored result', before: 'there', after: `not kept here: ${from}` }];
  }
  let best: Change[] | undefined;
  for (const { manifest, result } of found) {
    const changes = changedManifests(manifest, own.manifest);
    if (changes.length === 0) {
      const mine = store.resultsOf(result.resultKey).map((stored) => stored.result);
      if (mine.length === 0 || mine.some((one) => one.class === result.class)) return [];
      const classes = mine.map((one) => one.class).join(', ');
      changes.push({ input: 'incremental', before: result.class, after: classes });
    }
    if (best === undefined || changes.length < best.length) best = changes;
  }
  return best ?? [];
}
