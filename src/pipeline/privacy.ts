import type { Manifest } from '../base/result.js';
import type { Facts } from '../keying/facts.js';
import { fits } from '../keying/patterns.js';
import type { KeptDir, ProjectRules } from './ports.js';
import type { Unit } from './prepare.js';

/** Why nothing of a unit is told to peers, and nothing asked of them. */
export interface OffMesh {
  /** For people. */
  about: string;
  /** Whether that alone is a reason for whatever is compiled against it. */
  spreads: boolean;
}

/** As it is counted. */
export const OFF_MESH = 'kept off the mesh';
/** For people: what the unit reads or prints holds an excluded name. */
export const NAMED = 'a name in its files or messages';

type Wishes = Pick<ProjectRules, 'share' | 'ownShare' | 'exclude'>;

/**
 * Whether a compile is private: its project is, its crate is, or one that it is compiled against.
 * A library's metadata names all crates below it, and holds code of theirs.
 */
export function offMesh(unit: Unit, { share, ownShare, exclude }: Wishes): OffMesh | undefined {
  const { plan, env, closure, packageDir } = unit;
  if (share === false) return unshared(packageDir === undefined, ownShare);
  const records = [...closure.records.values()];
  const marked = records.find((record) => record.offMesh);
  if (marked !== undefined) return { about: marked.crate, spreads: true };
  if (exclude === undefined || exclude.length === 0) return undefined;
  const names = [
    env.get('CARGO_PKG_NAME') ?? '',
    plan.crateName,
    ...records.map(({ crate }) => crate),
    ...plan.externs.map(({ name }) => name),
    ...closure.foreign.flatMap(piecesOf),
  ];
  const about = names.find((name) => isExcluded(name, exclude));
  return about === undefined ? undefined : { about, spreads: true };
}

/** The same of a run of a package's build script. */
export function offMeshRun(
  name: string,
  { share, ownShare, exclude }: Wishes,
  isFetched: boolean,
): OffMesh | undefined {
  if (share === false) return unshared(isFetched, ownShare);
  return isExcluded(name, exclude ?? []) ? { about: name, spreads: true } : undefined;
}

/**
 * Whether a compile is private for what its build script wrote. Of a run that was not seen nobody
 * knows whether it held an excluded name.
 */
export function offMeshDir(
  { exclude, packageDir }: Pick<Unit, 'exclude' | 'packageDir'>,
  known: KeptDir | undefined,
): OffMesh | undefined {
  const excludes = exclude.length > 0;
  if (!(known?.offMesh ?? excludes)) return undefined;
  return { about: 'its build script', spreads: excludes || packageDir !== undefined };
}

/** The same of a run, for its program; of one that was not seen being made nobody knows. */
export function offMeshProgram(
  { exclude }: Pick<Unit, 'exclude'>,
  known: boolean | undefined,
): OffMesh | undefined {
  const isPrivate = known ?? exclude.length > 0;
  return isPrivate ? { about: 'its program', spreads: false } : undefined;
}

/**
 * Nothing in a fetched package is anybody's secret, only that it is used here is: unless its own
 * project shares nothing.
 */
function unshared(isFetched: boolean, ownShare: boolean | undefined): OffMesh {
  return { about: 'share = false', spreads: !isFetched || ownShare === false };
}

/**
 * Whether a withheld result that was restored for a unit may be had by peers again. While names
 * are excluded, one of them may be what it was withheld for.
 */
export function mayRelease(unit: Pick<Unit, 'offMesh' | 'exclude'>): boolean {
  return unit.offMesh === undefined && unit.exclude.length === 0;
}

/** Crates are written with `_` where their packages are with `-`. */
export function isExcluded(name: string, exclude: readonly string[]): boolean {
  if (exclude.length === 0) return false;
  const plain = () => {
    const text = name.replaceAll('_', '-');
    return exclude.some((pattern) => fits(text, pattern.replaceAll('_', '-')));
  };
  if (name.length > MAX_NAME_CHARS) return plain();
  let known = answers.get(exclude);
  if (known === undefined || known.size >= MAX_ANSWERS) {
    known = new Map();
    answers.set(exclude, known);
  }
  let answer = known.get(name);
  if (answer === undefined) {
    answer = plain();
    known.set(name, answer);
  }
  return answer;
}

/** Each call of a build asks for the same names again. The lists are never changed. */
const answers = new WeakMap<readonly string[], Map<string, boolean>>();
const MAX_ANSWERS = 10_000;
/** A longer piece of a text is no name, and would be held for nothing. */
const MAX_NAME_CHARS = 80;

/** The first excluded name in texts that peers would be told. */
export function excludedIn(
  texts: Iterable<string>,
  exclude: readonly string[],
): string | undefined {
  if (exclude.length === 0) return undefined;
  for (const text of texts) {
    const found = piecesOf(text).find((piece) => isExcluded(piece, exclude));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** All names of files and directories that a manifest would tell. */
export function pathsOf({ inputs, listed, absent }: Manifest): string[] {
  return [...inputs.map(([path]) => path), ...listed.map(([path]) => path), ...absent];
}

/** Whether a manifest, or what was printed, names something excluded. */
export function isNamedIn(
  manifest: Manifest,
  printed: readonly string[],
  exclude: readonly string[],
): boolean {
  if (exclude.length === 0) return false;
  const plain = printed.map((text) => text.replace(BETWEEN_WORDS, ' '));
  return excludedIn([...pathsOf(manifest), ...printed, ...plain], exclude) !== undefined;
}

/** Colours, and white space in JSON: without it the letter of an escape began a name. */
const COLOUR = '\\[[\\d;:]*m';
const BETWEEN_WORDS = new RegExp(`(?:\\x1b|\\\\u001b)${COLOUR}|\\\\[nrt]`, 'gi');

/** Everything that `vrift why` would tell. */
export function textsOf({ words, named }: Facts): string[] {
  return [...words, ...named.flat()];
}

/** What may be a crate's name: `libapp-0123456789abcdef.rlib` holds `app`. */
function piecesOf(text: string): string[] {
  return text.split(/[^A-Za-z0-9_-]+/).flatMap((piece) => {
    const plain = piece.replace(/-[0-9a-f]{16}$/, '');
    return plain.startsWith('lib') ? [plain, plain.slice('lib'.length)] : [plain];
  });
}
