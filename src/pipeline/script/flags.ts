import type { ScriptUnit } from './prepare.js';

/** Another compiler than the system's own may not know the flag. */
const CHOOSES_COMPILER = /^((HOST|TARGET)_)?(CC|CXX)(_.*)?$/;

/**
 * Variables that keep this home out of what C compilers make: the `cc` crate (and with it `cmake`
 * and `autotools`) looks for them first, and nothing else knows their names, so that no makefile
 * takes them for the user's own. What the user set for all targets stays in front.
 *
 * @param understood which of `cc` and `c++` know `-ffile-prefix-map`
 * @returns `NAME=value` each
 */
export function prefixMaps(unit: ScriptUnit, understood: { c: boolean; cxx: boolean }): string[] {
  const { env, target, roots } = unit;
  if (target === '' || env.get('HOST') !== target) return [];
  if ([...env.keys()].some((name) => CHOOSES_COMPILER.test(name))) return [];
  const maps = roots
    .names()
    .filter(({ name }) => MAPPED.test(name))
    .map(({ name, real }) => `-ffile-prefix-map=${real}=${name.replace('/vr/', PLACE)}`);
  // The variables are split at spaces.
  if (maps.length === 0 || maps.some((map) => /[\s"'\\]/.test(map))) return [];
  const languages = [...(understood.c ? ['CFLAGS'] : []), ...(understood.cxx ? ['CXXFLAGS'] : [])];
  return languages.map((variable) => {
    const given = namesOf(variable, target)
      .map((name) => env.get(name))
      .find((value) => value !== undefined);
    return `${variable}_${target}=${[given ?? '', ...maps].join(' ').trim()}`;
  });
}

/** Where the `cc` crate looks for flags, in its order. */
function namesOf(variable: string, target: string): string[] {
  const underscored = target.replaceAll('-', '_');
  return [`${variable}_${target}`, `${variable}_${underscored}`, `HOST_${variable}`, variable];
}

/** Who was given the first of these variables asks for no other: what they hold went in all the same. */
export function asksAsWell(asked: ReadonlySet<string>, { target }: ScriptUnit): string[] {
  return ['CFLAGS', 'CXXFLAGS']
    .map((variable) => namesOf(variable, target))
    .filter(([first]) => asked.has(first!))
    .flat();
}

/** Not as in stored text, where names become paths again: flags also stand in what `cmake` writes. */
const PLACE = '/vr-src/';

/** Outermost first does no harm: which of two that fit a compiler takes is the same in every home. */
const MAPPED = /^\/vr\/(ws|cargo|target)$/;
