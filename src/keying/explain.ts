import type { Facts } from './facts.js';
import { pairedWords } from './words.js';

/** One input of a key or manifest that changed, as short text. */
export interface Change {
  /** `file PATH`, `variable NAME`, `flag NAME`, `dependency NAME`, … with mapped paths. */
  input: string;
  before: string;
  after: string;
  /** What it is on this machine: a file's real path, a variable's value. Never leaves it. */
  here?: string;
}

/**
 * What differs between two unit keys, what a person would look at first standing first: compiler,
 * flags, package, variables, files, dependencies.
 */
export function changedFacts(before: Facts, after: Facts): Change[] {
  const named = changedNames(before.named, after.named);
  const words = pairedWords(before.words, after.words).toSorted((a, b) => rank(a) - rank(b));
  const compiler = named.filter(({ input }) => COMPILER.has(input));
  const rest = named.filter(({ input }) => !COMPILER.has(input));
  const changes = [...compiler, ...words, ...rest];
  // These follow from something else, which is not to be hidden by them.
  const telling = changes.filter(({ input }) => input !== 'canonical');
  return telling.length === 0 ? changes : telling;
}

/** Of several, the one that differs least; the first of equals. */
export function nearest<T extends { facts: Facts }>(
  candidates: readonly T[],
  to: Facts,
): { candidate: T; changes: Change[] } | undefined {
  let best: { candidate: T; changes: Change[] } | undefined;
  for (const candidate of candidates) {
    const changes = changedFacts(candidate.facts, to);
    if (best === undefined || changes.length < best.changes.length) best = { candidate, changes };
  }
  return best;
}

const COMPILER = new Set(['compiler', 'schema', 'toolchain', 'target', 'clippy']);

/** Which names and values are allowed changes with every new feature, and explains nothing. */
function rank({ input }: Change): number {
  return input === 'flag --check-cfg' ? 1 : 0;
}

function changedNames(before: Facts['named'], after: Facts['named']): Change[] {
  const old = new Map(before);
  const changes: Change[] = [];
  for (const [input, value] of after) {
    const was = old.get(input);
    old.delete(input);
    if (was !== value) changes.push({ input, before: was ?? 'none', after: value });
  }
  for (const [input, was] of old) changes.push({ input, before: was, after: 'none' });
  return changes;
}
