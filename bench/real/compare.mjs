import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { explain } from './explain.mjs';
import { explainRepeats } from './repeats.mjs';

/** What no build makes: the compiler's incremental state, and what cargo remembers of the compiler. */
const NO_OUTPUTS = new Set(['incremental', '.rustc_info.json']);

/** Every output below a target directory, sorted. */
export async function filesBelow(target) {
  const files = [];
  const open = [target];
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (NO_OUTPUTS.has(entry.name)) continue;
      if (entry.isDirectory()) open.push(path);
      else files.push(relative(target, path));
    }
  }
  return files.sort();
}

/**
 * Compares two target directories that stood at one path, file by file and byte by byte.
 *
 * @returns { files, differences }: a difference has a path and what it is; `cause` when the bytes
 *   show that both are the same compile
 */
export async function compareTargets(cached, compiled, facts) {
  const [left, right] = await Promise.all([filesBelow(cached), filesBelow(compiled)]);
  const differences = [];
  const both = new Set(right);
  for (const path of left) {
    if (!both.delete(path)) {
      differences.push({ path, what: 'only from the cache' });
      continue;
    }
    const difference = await compareFiles(join(cached, path), join(compiled, path), facts);
    if (difference !== undefined) differences.push({ path, ...difference });
  }
  for (const path of both) differences.push({ path, what: 'only without the cache' });
  await explainRepeats(differences, cached, compiled);
  return { files: left.length, differences };
}

/** Which files stand in only one of two target directories; vrift must add and leave out none. */
export async function compareNames(cached, bare) {
  const [all, right] = await Promise.all([filesBelow(cached), filesBelow(bare)]);
  // The program of a build script stands beside its front.
  const left = all.filter((path) => !path.endsWith('.vrift'));
  const only = (a, b, what) =>
    a.filter((path) => !b.includes(path)).map((path) => ({ path, what }));
  const differences = [
    ...only(left, right, 'plain cargo makes no such file'),
    ...only(right, left, 'plain cargo makes this file too'),
  ];
  return { files: left.length, differences };
}

/** Whether two paths are one file's, of which the name may hold another hash each time. */
export function isLike(path, other) {
  const steady = (name) => basename(name).replaceAll(/[0-9a-f]{8,}/g, '*');
  return path === other || (dirname(path) === dirname(other) && steady(path) === steady(other));
}

async function compareFiles(cached, compiled, facts) {
  const [left, right] = await Promise.all([contentOf(cached), contentOf(compiled)]);
  if (left.mode !== right.mode) {
    return { what: `mode ${left.mode.toString(8)} instead of ${right.mode.toString(8)}` };
  }
  if (left.bytes.equals(right.bytes)) return undefined;
  const cause = explain(left.bytes, right.bytes, facts);
  const what = `${left.bytes.length} bytes, ${right.bytes.length} without the cache`;
  return cause === undefined ? { what } : { what, cause };
}

async function contentOf(path) {
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) return { mode: 0, bytes: Buffer.from(await readlink(path)) };
  return { mode: stat.mode & 0o777, bytes: await readFile(path) };
}

/**
 * Hashes in the names of files that cargo derives from where a crate stands: those of the second
 * target directory that the first has not, and what the first has in their place.
 */
export async function hashesThatMove(first, second) {
  const [left, right] = await Promise.all([filesBelow(first), filesBelow(second)]);
  const [before, after] = [suffixesIn(left), suffixesIn(right)];
  const moved = new Set([...after].filter((suffix) => !before.has(suffix)));
  const named = new Set(right.map((path) => steadyName(path, moved)));
  for (const path of left) {
    const [suffix] = suffixesIn([path]);
    if (suffix === undefined || after.has(suffix)) continue;
    if (named.has(steadyName(path, [suffix]))) moved.add(suffix);
  }
  return moved;
}

function steadyName(path, suffixes) {
  let name = path;
  for (const suffix of suffixes) name = name.replace(suffix, '-*');
  return name;
}

/** The file-name hashes of all that stands in a target directory. */
function suffixesIn(paths) {
  return new Set(paths.flatMap((path) => path.match(/-[0-9a-f]{16}(?=[./]|$)/g) ?? []));
}
