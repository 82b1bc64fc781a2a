import { basename, dirname } from 'node:path';
import type { Files } from './ports.js';

/** One directory whose real place differs between developers, and what it is called in keys. */
export interface Root {
  /** `/vr/ws`, `/vr/cargo`, …: in keys, manifests and stored messages. */
  name: string;
  /** As the caller spells it, then without symlinks when that differs. */
  real: string[];
  /** `--remap-path-prefix` pairs this root gives the compiler. */
  remaps: [from: string, to: string][];
  /** The same for what lies beside it, where no root says otherwise. */
  beside?: [from: string, to: string][];
}

export interface RootFacts {
  /** Where relative sources start, when the source is given relative to it; cargo's workspace. */
  workspace: string | undefined;
  targetDir: string;
  cargoHome: string | undefined;
  sysroot: string;
  /** `rustc -vV`'s commit-hash. */
  commit: string | undefined;
  outDir: string | undefined;
  /** Name and version of the package, for the name of its OUT_DIR. */
  packageId: string;
  /** Package roots outside of workspace and CARGO_HOME: this unit's own and its dependencies'. */
  outside: readonly string[];
  home: string | undefined;
  /** `split-debuginfo=unpacked` objects are found by their real path: the target stays unmapped. */
  keepTarget: boolean;
}

/** Knows every root of one call; maps real paths to names and back. */
export class Roots {
  /** Longest real path first, so that the most specific root wins. */
  readonly #sorted: { name: string; real: string }[];
  readonly #all: Root[];
  /** Where the compiler finds the standard library's sources, and what it calls that place. */
  readonly librarySource: { name: string; real: string } | undefined;

  constructor(roots: Root[], librarySource?: { name: string; real: string }) {
    this.#all = roots;
    this.librarySource = librarySource;
    this.#sorted = roots
      .flatMap((root) => root.real.map((real) => ({ name: root.name, real })))
      .sort((a, b) => b.real.length - a.real.length || (a.real < b.real ? -1 : 1));
  }

  /** The name of an absolute path, or the path itself outside every root. */
  map(path: string): string {
    for (const { name, real } of this.#sorted) {
      if (path === real) return name;
      if (path.startsWith(real) && path[real.length] === '/') return name + path.slice(real.length);
    }
    return path;
  }

  /** The real path of a name; undefined for a root that this call does not have. */
  expand(mapped: string): string | undefined {
    if (!mapped.startsWith('/vr/')) return mapped;
    let best: Root | undefined;
    for (const root of this.#all) {
      const fits = mapped === root.name || mapped.startsWith(`${root.name}/`);
      if (fits && (best === undefined || root.name.length > best.name.length)) best = root;
    }
    if (best === undefined) return undefined;
    return best.real[0]! + mapped.slice(best.name.length);
  }

  /** Replaces every real prefix inside a text, at path boundaries only. */
  mapText(text: string): string {
    let mapped = text;
    for (const { name, real } of this.#sorted) {
      if (!mapped.includes(real)) continue;
      mapped = mapped.replace(prefixPattern(real), name);
    }
    return mapped;
  }

  /** Every pair of the compiler's flags, least specific first: rustc takes the last that fits. */
  remaps(): [from: string, to: string][] {
    const beside = this.#all.flatMap((root) => root.beside ?? []);
    const pairs = new Map([...beside, ...this.#all.flatMap((root) => root.remaps)]);
    // Where two pairs would do, rustc finds no way back to the file, and quotes nothing from it.
    for (const { remaps, beside: own } of this.#all) {
      for (const [from, to] of own === undefined ? [] : remaps) {
        const above = pairs.get(dirname(from));
        if (above !== undefined && `${above}/${basename(from)}` === to) pairs.delete(from);
      }
    }
    return [...pairs].sort((a, b) => a[0].length - b[0].length || (a[0] < b[0] ? -1 : 1));
  }

  /** Every spelling of every root, most specific first. */
  spellings(): readonly { name: string; real: string }[] {
    return this.#sorted;
  }

  /** Each root once, under the caller's own spelling. */
  names(): { name: string; real: string }[] {
    return this.#all.map((root) => ({ name: root.name, real: root.real[0]! }));
  }
}

const escapeRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Next to a path, these make its first or last component another one. */
const NAME = 'A-Za-z0-9_.+@~%#$&!^\\u0080-\\uffff-';

/**
 * A path as a whole component sequence: `/a/b` matches in `/a/b/c` and `"/a/b"`, not in `/a/bc`.
 * Before it may stand the end of a colour or an escape of JSON, whose last character is a letter
 * (src/launcher/boundary.rs draws the same line).
 */
export function prefixPattern(path: string): RegExp {
  const colour = String.raw`(?:\x1b|\\u001b)\[[\d;]*m`;
  const jsonEscape = String.raw`(?<!\\)(?:\\\\)*\\[nrtbf]`;
  const before = `(?:(?<![${NAME}])|(?<=${colour})|(?<=${jsonEscape}))`;
  return new RegExp(`${before}${escapeRegExp(path)}(?![${NAME}])`, 'g');
}

/** The roots of one call. Two spellings of one directory share a name. */
export function rootsOf(facts: RootFacts, files: Files): Roots {
  const roots: Root[] = [];
  const taken = new Set<string>();
  /** One directory has one name, whatever else it is. */
  const add = (name: string, path: string | undefined, to?: string) => {
    const plain = withoutSlash(path ?? '');
    if (plain === '') return;
    const real = spellings(plain, files).filter((spelling) => !taken.has(spelling));
    if (real.length === 0) return;
    for (const spelling of real) taken.add(spelling);
    const remaps: [string, string][] = to === undefined ? [] : real.map((from) => [from, to]);
    roots.push({ name, real, remaps });
  };
  add('/vr/sysroot', facts.sysroot, '/vr/sysroot');
  let librarySource: { name: string; real: string } | undefined;
  if (facts.commit !== undefined) {
    const source = `${facts.sysroot}/lib/rustlib/src/rust`;
    const name = `/rustc/${facts.commit}`;
    add('/vr/rust-src', source, name);
    // The same file that rustc itself looks for.
    const there = files.exists(`${source}/library/std/src/lib.rs`);
    if (there) librarySource = { name, real: source };
  }
  add('/vr/ws', facts.workspace, '.');
  roots.push(...outsideRoots(facts.outside, files));
  add('/vr/cargo', facts.cargoHome, '/vr/cargo');
  add('/vr/target', facts.targetDir, facts.keepTarget ? undefined : '/vr/target');
  if (facts.outDir !== undefined) {
    const name = `/vr/out/${facts.packageId}`;
    add(name, facts.outDir, facts.keepTarget ? undefined : name);
  }
  add('/vr/home', facts.home);
  return new Roots(roots, librarySource);
}

export const withoutSlash = (path: string): string => path.replace(/\/+$/, '');

/**
 * The parent is remapped as well, so that siblings keep their place, unless it lies in another of
 * them. Two of one name get two parents.
 */
function outsideRoots(packages: readonly string[], files: Files): Root[] {
  const taken = new Set<string>();
  const places = [...new Set(packages)].sort().map((path) => spellings(path, files));
  const isInside = (path: string) => places.flat().some((top) => `${path}/`.startsWith(`${top}/`));
  return places.map((real) => {
    const file = basename(real[0]!);
    let parent = '/vr/path';
    for (let n = 2; taken.has(`${parent}/${file}`); n++) parent = `/vr/path-${n}`;
    const name = `${parent}/${file}`;
    taken.add(name);
    const parents = real.map(dirname).filter((from) => !isInside(from));
    return {
      name,
      real,
      remaps: real.map((from) => [from, name]),
      beside: parents.map((from) => [from, parent]),
    };
  });
}

function spellings(path: string, files: Files): string[] {
  const resolved = files.realpath(path);
  return resolved === path ? [path] : [path, resolved];
}
