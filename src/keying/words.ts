import type { Change } from './explain.js';

/** Beyond so many words a comparison by position would cost more than it explains. */
const MAX_WORDS = 600;

/**
 * What differs between two command lines, by flag: `flag -C opt-level`, from what to what. A word
 * put in between moves no others.
 */
export function pairedWords(before: readonly string[], after: readonly string[]): Change[] {
  const { removed, added } = difference(before, after);
  const changes: Change[] = [];
  for (const word of added) {
    const flag = flagOf(word);
    const at = removed.findIndex((other) => flagOf(other) === flag);
    const [was] = at < 0 ? [undefined] : removed.splice(at, 1);
    changes.push(was === word ? moved(word) : changeOf(flag, was, word));
  }
  for (const word of removed) changes.push(changeOf(flagOf(word), word, undefined));
  return changes;
}

function changeOf(flag: string, before: string | undefined, after: string | undefined): Change {
  return { input: `flag ${flag}`, before: valueIn(before), after: valueIn(after) };
}

function moved(word: string): Change {
  return { input: 'order of flags', before: word, after: `${word}, at another place` };
}

function flagOf(word: string): string {
  const equals = word.indexOf('=');
  return equals < 0 ? word : word.slice(0, equals);
}

function valueIn(word: string | undefined): string {
  if (word === undefined) return 'none';
  return word.slice(flagOf(word).length + 1) || 'given';
}

/** What stands in one list only, by their longest common subsequence. */
function difference(
  before: readonly string[],
  after: readonly string[],
): { removed: string[]; added: string[] } {
  if (before.length > MAX_WORDS || after.length > MAX_WORDS) {
    return {
      removed: before.filter((word) => !after.includes(word)),
      added: after.filter((word) => !before.includes(word)),
    };
  }
  const lengths = commonLengths(before, after);
  const removed: string[] = [];
  const added: string[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      i += 1;
      j += 1;
    } else if (
      j >= after.length ||
      (i < before.length && at(lengths, i + 1, j) >= at(lengths, i, j + 1))
    ) {
      removed.push(before[i]!);
      i += 1;
    } else {
      added.push(after[j]!);
      j += 1;
    }
  }
  return { removed, added };
}

/** `[i][j]`: how much the two lists have in common from there on. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint16Array[] {
  const lengths = Array.from(
    { length: before.length + 1 },
    () => new Uint16Array(after.length + 1),
  );
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const same = before[i] === after[j];
      const length = same
        ? at(lengths, i + 1, j + 1) + 1
        : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
      lengths[i]![j] = length;
    }
  }
  return lengths;
}

function at(lengths: readonly Uint16Array[], i: number, j: number): number {
  return lengths[i]?.[j] ?? 0;
}
