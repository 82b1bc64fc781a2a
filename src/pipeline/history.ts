import type { Hasher } from '../base/digest.js';
import { type Change, nearest } from '../keying/explain.js';
import { type About, type Facts, factsOf } from '../keying/facts.js';
import type { RemoteMiss } from './lookup.js';
import { isKept, MAX_OUTCOMES, type PastOutcome } from './outcomes.js';
import type { TablePort } from './ports.js';
import type { Unit } from './prepare.js';
import { excludedIn, textsOf } from './privacy.js';
import { nameOf, typeOf } from './unitName.js';

/** The last outcome of a unit since the node's start. */
export interface LastOutcome {
  unit: string;
  crateType: string;
  /** `name version`, as cargo says; '' for a call that was not looked up. */
  package: string;
  outcome: PastOutcome['outcome'];
  /** Where a hit came from; for the rest, what became of the compile or why it was not cached. */
  from: string;
  /** What exactly about the reason of a bypass. */
  detail: string;
  key: string;
  /** Of the result that was put in place, or made; '' where there is none. */
  resultKey: string;
  /** Toolchain identity. */
  toolchain: string;
  /** For a miss: what differs from the nearest earlier result. */
  diff: Change[];
  /** Procedural macros that it may run. */
  macros: readonly string[];
  /** Whether what they read is seen. */
  observed: boolean;
  /** What the project declares that they read. */
  declared: readonly string[];
  /** Whose result that was: a node id, or null for one of this node. */
  against: string | null;
  local: string[];
  /** Peers hear nothing of it, and are asked nothing. */
  offMesh: boolean;
  /** Roots that the result is bound to, with their real path here and why. */
  bound: { root: string; path: string; because: string }[];
  at: number;
  /** Under which name it is known to every node; '' where nothing can be compared. */
  name: string;
  place: string;
  canonical: string;
  dependencies: About['dependencies'];
}

/** What a compile or restore left to say. */
export type Noted = Partial<Pick<LastOutcome, 'diff' | 'against' | 'local' | 'bound'>> & {
  resultKey?: string | undefined;
};

/** Remembers, per unit, enough to explain its last outcome. */
export class History {
  readonly #table: TablePort<PastOutcome[]>;
  readonly #hasher: Hasher;
  readonly #now: () => number;
  readonly #observed: boolean;
  /** The last one is the latest. */
  readonly #latest = new Map<string, LastOutcome>();

  /** @param observed whether compilers run under an observer */
  constructor(
    table: TablePort<PastOutcome[]>,
    hasher: Hasher,
    now: () => number,
    observed: boolean,
  ) {
    this.#table = table;
    this.#hasher = hasher;
    this.#now = now;
    this.#observed = observed;
  }

  /**
   * Why this call is no hit: what differs from the result that is nearest to it. One of the same
   * unit key is nearer than any other.
   *
   * @param difference from the latest result of the same unit key on this disk
   * @param remote     the same of a peer's
   */
  explain(unit: Unit, difference: Change | undefined, remote: RemoteMiss): Noted {
    if (difference !== undefined) return { diff: [difference] };
    if (remote.difference !== undefined) {
      return { diff: [remote.difference], against: remote.holder ?? null };
    }
    const past = this.#table.get(nameOf(unit)) ?? [];
    const same = past.find(({ key }) => key === unit.key);
    if (same === undefined) return { diff: nearest(past, this.#facts(unit))?.changes ?? [] };
    if (isKept(same)) {
      return { diff: [{ input: 'stored result', before: 'on this disk', after: 'gone' }] };
    }
    const last = this.#latest.get(placed(unit));
    if (last?.key === unit.key && last.diff.length > 0) return last;
    return { diff: [{ input: 'last compile', before: same.from, after: 'compiled again' }] };
  }

  note(unit: Unit, outcome: PastOutcome['outcome'], from: string, noted: Noted = {}): void {
    const { plan, key, about, canonical } = unit;
    const name = nameOf(unit);
    const before = this.#latest.get(placed(unit));
    const known = before?.key === key ? before : undefined;
    const local = noted.local ?? known?.local ?? [];
    const at = this.#now();
    this.#put(placed(unit), {
      unit: plan.crateName,
      crateType: typeOf(plan),
      package: about.package,
      outcome,
      from,
      detail: '',
      key,
      resultKey: noted.resultKey ?? known?.resultKey ?? '',
      toolchain: unit.toolchain.id,
      diff: noted.diff ?? [],
      against: noted.against ?? null,
      local,
      offMesh: unit.offMesh !== undefined,
      bound: noted.bound ?? known?.bound ?? [],
      macros: unit.macros.names,
      observed: this.#observed,
      declared: unit.declared?.patterns ?? [],
      at,
      name,
      place: unit.roots.map(unit.env.get('CARGO_MANIFEST_DIR') ?? plan.source),
      canonical,
      dependencies: about.dependencies,
    });
    const past = this.#table.get(name) ?? [];
    const first = past[0];
    const kept = past.find((one) => one.key === key);
    const withheld = this.#isPrivate(unit, kept);
    const isSame = (kept?.withheld ?? false) === withheld;
    if (outcome === 'hit' && first?.key === key && first.outcome === 'hit' && isSame) return;
    // A hit says less about how its result came to be than the compile that made it.
    const { withheld: _, ...plain }: PastOutcome =
      outcome === 'hit' && kept !== undefined
        ? kept
        : { key, at, outcome, from, local, facts: this.#facts(unit) };
    const entry: PastOutcome = withheld ? { ...plain, withheld } : plain;
    if (outcome === 'hit' && kept !== undefined && kept === first && isSame) return;
    const others = past.filter((one) => one.key !== key);
    this.#table.put(name, [entry, ...others].slice(0, MAX_OUTCOMES));
  }

  /** A call that was not looked up: there is no key to compare. */
  refused(unit: string, crateType: string, reason: string, detail: string): void {
    this.#put(`bypassed|${unit}|${crateType}`, {
      unit,
      crateType,
      package: '',
      outcome: 'bypass',
      from: reason,
      detail,
      key: '',
      resultKey: '',
      toolchain: '',
      diff: [],
      against: null,
      local: [],
      offMesh: true,
      bound: [],
      macros: [],
      observed: this.#observed,
      declared: [],
      at: this.#now(),
      name: '',
      place: '',
      canonical: '',
      dependencies: [],
    });
  }

  /** Latest first. */
  latest(): LastOutcome[] {
    return [...this.#latest.values()].toReversed();
  }

  /** Latest first, one for each key. */
  past(name: string): readonly PastOutcome[] {
    return this.#table.get(name) ?? [];
  }

  #isPrivate(unit: Unit, kept: PastOutcome | undefined): boolean {
    if (unit.offMesh !== undefined) return true;
    if (unit.exclude.length === 0) return false;
    const facts = kept?.facts ?? this.#facts(unit);
    return excludedIn([nameOf(unit), ...textsOf(facts)], unit.exclude) !== undefined;
  }

  #facts({ parts, about }: Unit): Facts {
    return factsOf(parts, about, this.#hasher);
  }

  #put(key: string, entry: LastOutcome): void {
    this.#latest.delete(key);
    this.#latest.set(key, entry);
    if (this.#latest.size > MAX_IN_MEMORY) this.#latest.delete(this.#latest.keys().next().value!);
  }
}

const MAX_IN_MEMORY = 2_000;

/** Two versions of a package in one build are two units that share a name. */
function placed(unit: Unit): string {
  return `${nameOf(unit)}|${unit.about.package}`;
}
