import { join } from 'node:path';
import type { RustcPlan } from '../compilers/plan.js';
import type { Environment, Files } from '../keying/ports.js';
import type { Roots } from '../keying/roots.js';

/**
 * Static libraries that the command line names (`-l static=z`): rustc packs them into the output
 * and no dep-info lists them. Found ones by content, places looked at before as absent.
 *
 * @returns mapped path → digest or null; or, as text, the library that cannot be found
 */
export function nativesOf(
  plan: RustcPlan,
  roots: Roots,
  files: Files,
): [path: string, digest: string | null][] | string {
  const dirs = plan.searchDirs.filter((dir) => dir.kind === 'native' || dir.kind === 'all');
  const seen: [string, string | null][] = [];
  for (const library of plan.nativeLibs) {
    if (library.kind !== 'static') continue;
    let found = false;
    for (const dir of dirs) {
      const path = join(dir.path, `lib${library.name}.a`);
      const digest = files.digest(path);
      seen.push([roots.map(path), digest ?? null]);
      if (digest === undefined) continue;
      if (files.read(path)?.subarray(0, 8).toString('latin1') === '!<thin>\n') return path;
      found = true;
      break;
    }
    if (!found) return library.name;
  }
  return seen;
}

/**
 * What a crate may bundle by attribute alone, before its sources are known: the archives that its
 * build script made, where no argument names a library.
 */
export function unnamedNatives(
  plan: RustcPlan,
  env: Environment,
  roots: Roots,
  files: Files,
): [path: string, digest: string | null][] {
  const own = env.get('OUT_DIR');
  if (own === undefined || plan.nativeLibs.length > 0) return [];
  const dirs = plan.searchDirs.filter(
    (dir) => (dir.kind === 'native' || dir.kind === 'all') && `${dir.path}/`.startsWith(`${own}/`),
  );
  return dirs.flatMap((dir) =>
    (files.list(dir.path) ?? [])
      .filter((name) => name.endsWith('.a'))
      .sort()
      .map((name): [string, string | null] => {
        const path = join(dir.path, name);
        return [roots.map(path), files.digest(path) ?? null];
      }),
  );
}
