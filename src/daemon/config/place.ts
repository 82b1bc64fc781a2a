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

/** Letters to insert, delete or replace (Levenshtein). */
function editDistance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > to.length) return Infinity;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? Infinity;
}
