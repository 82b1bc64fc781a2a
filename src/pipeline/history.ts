import { type Change, changedParts } from '../keying/explain.js';
import type { TablePort } from './ports.js';
import type { Unit } from './prepare.js';

/** The last outcome of a unit, and what its key was made of. */
export interface UnitHistory {
  unit: string;
  crateType: string;
  outcome: 'hit' | 'miss' | 'bypass';
  /** Where a hit came from; for the rest, what became of the compile or why it was not cached. */
  from: string;
  key: string;
  /** For a miss: what differs from the unit's last outcome before. */
  diff: Change[];
  /** Procedural macros that it may run. */
  macros: readonly string[];
  /** Whether what they read is seen. */
  observed: boolean;
  /** What the project declares that they read. */
  declared: readonly string[];
  /** Milliseconds since the epoch. */
  at: number;
  parts: Record<string, unknown>;
}

/** Remembers, per unit, enough to explain its last outcome; the last in `order` is the latest. */
export class History {
  readonly #table: TablePort<UnitHistory>;
  readonly #now: () => number;
  readonly #observed: boolean;
  readonly #latest = new Map<string, UnitHistory>();

  /** @param observed whether compilers run under an observer */
  constructor(table: TablePort<UnitHistory>, now: () => number, observed: boolean) {
    this.#table = table;
    this.#now = now;
    this.#observed = observed;
  }

  /** What differs between this call and the unit's last one; [] when it is the first. */
  changes(unit: Unit, difference: Change | undefined): Change[] {
    const name = nameOf(unit);
    const before = this.#latest.get(name) ?? this.#table.get(name);
    if (before === undefined) return [];
    if (before.key === unit.key) return difference === undefined ? before.diff : [difference];
    return changedParts(before.parts, unit.parts);
  }

  note(unit: Unit, outcome: UnitHistory['outcome'], from: string, diff: Change[] = []): void {
    const name = nameOf(unit);
    const before = this.#latest.get(name);
    const entry: UnitHistory = {
      unit: unit.plan.crateName,
      crateType: typeOf(unit),
      outcome,
      from,
      key: unit.key,
      diff,
      macros: unit.macros.names,
      observed: this.#observed,
      declared: unit.declared?.patterns ?? [],
      at: this.#now(),
      parts: unit.parts,
    };
    this.#latest.delete(name);
    this.#latest.set(name, entry);
    if (this.#latest.size > MAX_IN_MEMORY) this.#latest.delete(this.#latest.keys().next().value!);
    if (before === undefined || before.key !== unit.key || outcome === 'miss') {
      this.#table.put(name, entry);
    }
  }

  /** The latest outcomes, latest first; of the units so named, or of all. */
  *entries(unit?: string): Generator<Omit<UnitHistory, 'parts'> & { root: Root | null }> {
    const wanted = unit?.replaceAll('-', '_');
    const latestFirst = [...this.#latest.values()].toReversed();
    for (const { parts: _, ...rest } of latestFirst) {
      if (wanted !== undefined && rest.unit !== wanted) continue;
      yield { ...rest, root: rootOf(rest, latestFirst) };
    }
  }
}

/** Where a cascade of misses began, and with what. */
export interface Root {
  unit: string;
  input: string;
}

/** Follows changed dependencies down to the unit in which something else changed. */
function rootOf(
  start: Pick<UnitHistory, 'unit' | 'diff'>,
  all: readonly UnitHistory[],
): Root | null {
  const seen = new Set<string>();
  let at = start;
  for (;;) {
    seen.add(at.unit);
    const own = at.diff.find(({ input }) => !DEPENDENCY.test(input) && input !== 'canonical');
    if (own !== undefined) return at === start ? null : { unit: at.unit, input: own.input };
    const names = at.diff.flatMap(({ input }) => DEPENDENCY.exec(input)?.[1] ?? []);
    const below = all.find(({ unit, outcome }) => {
      return outcome === 'miss' && names.includes(unit) && !seen.has(unit);
    });
    if (below === undefined) return null;
    at = below;
  }
}

const DEPENDENCY = /^(?:externs|closure)\.([A-Za-z0-9_]+)/;

const MAX_IN_MEMORY = 2_000;

/** Stable over edits and flags: the same crate, compiled for the same purpose. */
function nameOf({ plan, env, roots }: Unit): string {
  const place = roots.map(env.get('CARGO_MANIFEST_DIR') ?? plan.source);
  return [place, plan.crateName, plan.target ?? '', typeOf({ plan }), plan.optimised].join('|');
}

function typeOf({ plan }: Pick<Unit, 'plan'>): string {
  const type = plan.test ? 'test' : plan.crateTypes.join('+');
  return plan.emit.link === undefined ? `${type} (check)` : type;
}
