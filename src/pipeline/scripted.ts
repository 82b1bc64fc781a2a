import { dirname } from 'node:path';
import { absolute } from '../base/paths.js';
import type { Environment, Files } from '../keying/ports.js';
import type { Roots } from '../keying/roots.js';

/** What a package's build script told cargo of, or that it is too much to look at. */
export type Scripted = (readonly [what: string, identity: string | null])[] | 'too much';

const MAX_FILES = 5_000;

/**
 * Cargo runs a build script again, and compiles its package, when a file or a variable changes that
 * the script named; and it sets variables for that compile. A proc-macro may look at all of them
 * (`migrations/`, `DATABASE_URL`), and no dep-info says so. Without a word from the script, cargo
 * takes every file of the package.
 *
 * @param mayWalk false for packages that never change where they lie
 */
export function scriptedInputs(
  env: Environment,
  roots: Roots,
  files: Files,
  mayWalk: boolean,
): Scripted {
  const outDir = env.get('OUT_DIR');
  const root = env.get('CARGO_MANIFEST_DIR');
  if (outDir === undefined || root === undefined) return [];
  const said = files.read(`${dirname(outDir)}/output`)?.toString('utf8');
  if (said === undefined) return [];
  const named = { path: new Set<string>(), variable: new Set<string>() };
  let reruns = false;
  for (const [, word, value] of said.matchAll(LINE)) {
    reruns ||= word !== 'rustc-env';
    if (word === 'rerun-if-changed') named.path.add(absolute(root, value!));
    else named.variable.add(value!.split('=')[0]!);
  }
  const seen: [string, string | null][] = [...named.variable].map((name) => {
    const value = env.get(name);
    return [`$${name}`, value === undefined ? null : roots.mapText(value)];
  });
  let left = MAX_FILES;
  const look = (path: string, whole: boolean): boolean => {
    if (--left < 0) return false;
    const names = files.list(path);
    if (names === undefined) {
      seen.push([roots.map(path), files.digest(path) ?? null]);
      return true;
    }
    return names.toSorted().every((name) => {
      const below = `${path}/${name}`;
      return (!whole && isLeftOut(name, below, files)) || look(below, whole);
    });
  };
  for (const path of [...named.path].sort()) if (!look(path, true)) return 'too much';
  if (!reruns && mayWalk && !look(root, false)) return 'too much';
  return seen;
}

const LINE = /^cargo::?(rerun-if-changed|rerun-if-env-changed|rustc-env)=(.*)$/gm;

/** What is no part of a package, as cargo sees it: hidden files, other packages, what is built. */
function isLeftOut(name: string, path: string, files: Files): boolean {
  if (name.startsWith('.') || name === 'target' || name === 'Cargo.lock') return true;
  return files.exists(`${path}/Cargo.toml`) || files.exists(`${path}/CACHEDIR.TAG`);
}
