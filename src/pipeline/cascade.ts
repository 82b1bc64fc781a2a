import type { Change } from '../keying/explain.js';
import type { LastOutcome } from './history.js';

/** Where a cascade of misses began, and with what. */
export interface Root extends Change {
  unit: string;
  crateType: string;
}

type Linked = Pick<
  LastOutcome,
  'unit' | 'crateType' | 'diff' | 'canonical' | 'dependencies' | 'place'
>;

/**
 * Follows changed dependencies down to the unit in which something else changed.
 *
 * @param all latest first; of those that did not change, `diff` is empty
 * @returns null when the change is the unit's own, or began out of sight
 */
export function rootOf<T extends Linked>(start: T, all: readonly T[]): Root | null {
  const seen = new Set<T>();
  let at = start;
  for (;;) {
    seen.add(at);
    const below = causeOf(at, all);
    if (below === undefined || seen.has(below)) break;
    at = below;
  }
  const [own] = at.diff;
  if (at === start || own === undefined || own.input === 'canonical') return null;
  return { unit: at.unit, crateType: at.crateType, ...own };
}

/** The dependency whose change changed a unit first of all; undefined when that is its own. */
function causeOf<T extends Linked>(entry: T, all: readonly T[]): T | undefined {
  const [own] = entry.diff;
  if (own !== undefined && !isInherited(own.input)) return undefined;
  // What was never compiled before may be new because of a dependency that is.
  const inputs = own === undefined ? entry.dependencies.map(dependencyInput) : entry.diff;
  const below = inputs.flatMap(({ input }) => dependencyOf(entry, input, all) ?? []);
  return below.find(({ diff }) => diff.length > 0);
}

/** The unit that an input comes from, as it was compiled last. */
export function dependencyOf<T extends Linked>(
  { dependencies, place }: Linked,
  input: string,
  all: readonly T[],
): T | undefined {
  if (input.startsWith(GENERATED)) {
    return all.find((entry) => entry.place === place && entry.unit.startsWith('build_script_'));
  }
  const [, kind, name] = INHERITED.exec(input) ?? [];
  if (kind === undefined) return undefined;
  const known =
    kind === 'linked' || kind === 'macro'
      ? undefined
      : dependencies.find((entry) => entry.name === name);
  const made = all.find(({ canonical }) => canonical !== '' && canonical === known?.canonical);
  if (made !== undefined) return made;
  const crate = known?.crate ?? name;
  return all.find(({ unit, crateType }) => unit === crate && LINKABLE.test(crateType));
}

function dependencyInput({ name }: { name: string }): { input: string } {
  return { input: `dependency ${name}` };
}

const INHERITED = /^(dependency|linked|macro|making of) ([A-Za-z0-9_]+)$/;

/** Written by the package's build script. */
const GENERATED = 'file /vr/out/';

const LINKABLE = /lib|proc-macro/;

function isInherited(input: string): boolean {
  return INHERITED.test(input) || input === 'canonical' || input.startsWith(GENERATED);
}
