import type { NativeLib, RustcPlan } from '../compilers/plan.js';
import type { Files } from '../keying/ports.js';
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
      const path = `${dir.path}/${fileOf(library)}`;
      const digest = files.digest(path);
      seen.push([roots.map(path), digest ?? null]);
      if (digest === undefined) continue;
      if (files.read(path)?.subarray(0, 8).toString('latin1') === '!<thin>\n') return path;
      found = true;
      break;
    }
    if (!found) return library.file;
  }
  return seen;
}

function fileOf({ file, modifiers }: NativeLib): string {
  return modifiers.includes('+verbatim') ? file : `lib${file}.a`;
}
