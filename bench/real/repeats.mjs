import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Build scripts that compile in several threads print some lines once more in one run than in the
 * next (the `cc` crate asks for a variable in each thread that comes first). Cargo's books of the
 * run hold every line, those of its dependents a hash of that.
 *
 * Sets the `cause` of differences that are nothing else: an `output` with the same lines, and books
 * that are the same when each thing counts once and hashes of dependencies do not count, as the
 * dependencies' own books are compared as well.
 */
export async function explainRepeats(differences, cached, compiled) {
  const open = differences.filter(({ cause }) => cause === undefined);
  const both = (path) =>
    Promise.all([cached, compiled].map((target) => readFile(join(target, path), 'utf8')));
  let repeats = false;
  for (const difference of open) {
    if (!/(^|\/)build\/[^/]+\/output$/.test(difference.path)) continue;
    const [left, right] = (await both(difference.path)).map(linesOf);
    if (left !== right) continue;
    difference.cause = 'a build script printed lines again';
    repeats = true;
  }
  if (!repeats) return;
  const explained = new Set();
  for (const difference of open) {
    if (!/\.fingerprint\/[^/]+\/[^/]+\.json$/.test(difference.path)) continue;
    const [left, right] = (await both(difference.path)).map(bookOf);
    if (left === undefined || left !== right) continue;
    difference.cause = FOLLOWS;
    explained.add(difference.path);
  }
  for (const difference of open) {
    const isHash = basename(dirname(dirname(difference.path))) === '.fingerprint';
    if (isHash && explained.has(`${difference.path}.json`)) difference.cause = FOLLOWS;
  }
}

const FOLLOWS = "cargo's books of a build script that printed lines again, and of its dependents";

const linesOf = (text) => [...new Set(text.split('\n'))].sort().join('\n');

/** @returns undefined for what is no book of this kind */
function bookOf(text) {
  try {
    // More digits than a number of JavaScript holds.
    const book = JSON.parse(text.replaceAll(/(?<=[[,:])\d{15,}(?=[\],}])/g, '"$&"'));
    const deps = book.deps.map(([id, name, isPublic]) => [id, name, isPublic]);
    const local = [...new Set(book.local.map((entry) => JSON.stringify(entry)))].sort();
    return JSON.stringify({ ...book, deps, local });
  } catch {
    return undefined;
  }
}
