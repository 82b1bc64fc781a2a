import { VriftError } from '../../base/errors.js';
import { printable } from '../../wire/printable.js';

/** Where a setting was read, for messages and for `vrift status`. */
export interface Place {
  /** `FILE:LINE`, `VRIFT_…` or `default`. */
  source: string;
  /** `l2_cache.enabled` */
  key: string;
}

export function invalid({ source, key }: Place, problem: string): VriftError {
  const where = source === key ? source : `${source}: ${key}`;
  return new VriftError('VRIFT_CONFIG_INVALID', printable(`${where}: ${problem}`));
}

/** The message of a key that does not exist, with the nearest one that does. */
export function unknownKey(place: Place, name: string, known: readonly string[]): VriftError {
  const near = nearest(name, known);
  const help = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
  return invalid(place, `unknown key; ${help}`);
}

/** The known word that is at most a third of its letters away. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance > Math.max(1, name.length / 3)) continue;
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  return best?.name;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > to.length) return Infinity;
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = at(row, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swaps = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = i > 1 && j > 1 && swaps ? at(before, j - 2) + 1 : Infinity;
      next.push(Math.min(replaced, at(row, j) + 1, at(next, j - 1) + 1, swapped));
    }
    before = row;
    row = next;
  }
  return at(row, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
