import { normalize } from 'node:path';
import { canonicalJson } from '../base/canonical.js';
import type { Digest, Hasher } from '../base/digest.js';
import type { Manifest } from '../base/result.js';
import type { Change } from './explain.js';
import type { Environment, Files } from './ports.js';
import type { Roots } from './roots.js';
import { SECRET } from './secret.js';

export function manifestDigest(manifest: Manifest, hasher: Hasher): Digest {
  return hasher.hash(canonicalJson(manifest));
}

/** The key that a result stands under: the call, and the content of all that it read. */
export function resultKeyOf(unitKey: Digest, manifest: Digest, hasher: Hasher): Digest {
  return hasher.hash(`${unitKey}\n${manifest}`);
}

/** Under one of the call's own roots (the home directory is none), or what linkers read. */
export function isKnown(path: string, roots: Roots): boolean {
  const real = roots.expand(path);
  if (real === undefined) return false;
  const plain = normalize(real);
  const name = roots.map(plain);
  const inRoot = name.startsWith('/vr/') && !/^\/vr\/home(\/|$)/.test(name);
  return inRoot || (!path.startsWith('/vr/') && SYSTEM.test(`${plain}/`));
}

/** Where a manifest's paths may lead when it came from somebody else. */
export type Reach = 'any' | 'known-roots';

/** Read-only for everyone and the same on every machine of one kind: what linkers and C compilers read. */
const SYSTEM = /^\/(usr|bin|sbin|lib|lib32|lib64|libx32|opt|nix\/store|Library|System)\//;

/**
 * Whether everything that a compile read is the same here and now.
 *
 * @param reach `known-roots` for a peer's manifest: nothing is read outside the call's own roots
 *   and the system's directories
 * @returns undefined when all of it matches, else the first input that does not
 */
export function firstDifference(
  manifest: Manifest,
  roots: Roots,
  env: Environment,
  files: Files,
  hasher: Hasher,
  reach: Reach = 'any',
): Change | undefined {
  for (const [name, digest] of manifest.bound) {
    const real = roots.expand(name);
    const after = real === undefined ? 'none' : hasher.hash(real);
    if (after === digest) continue;
    return { input: `path of ${name}`, before: digest, after, ...here(real) };
  }
  for (const [name, digest] of manifest.env) {
    const value = env.get(name);
    if (reach === 'known-roots' && value !== undefined && SECRET.test(name)) {
      // A peer that saw a hit would know that it guessed the value.
      return { input: `variable ${name}`, before: 'of a peer', after: 'not compared' };
    }
    const now = value === undefined ? null : hasher.hash(roots.mapText(value));
    if (now === digest) continue;
    const change = {
      input: `variable ${name}${seen(`$${name}`, manifest)}`,
      before: digest ?? 'unset',
      after: now ?? 'unset',
    };
    return { ...change, ...here(SECRET.test(name) ? undefined : value) };
  }
  if (reach === 'known-roots') {
    const named = [...manifest.inputs, ...manifest.listed].map(([path]) => path);
    const paths = [...named, ...manifest.absent];
    const stray = paths.find((path) => !isKnown(path, roots));
    if (stray !== undefined) {
      return { input: `file ${stray}`, before: 'any place', after: 'not looked at' };
    }
  }
  for (const [path, digest] of manifest.inputs) {
    const real = roots.expand(path);
    const now = real === undefined ? undefined : files.digest(real);
    if (now === digest) continue;
    const input = `file ${path}${seen(path, manifest)}`;
    return { input, before: digest, after: now ?? 'none', ...here(real) };
  }
  for (const [path, names] of manifest.listed) {
    const real = roots.expand(path);
    const now = real === undefined ? undefined : namesIn(real, names, files, hasher);
    if (now === names) continue;
    const input = `names in ${path}${seen(path, manifest)}`;
    return { input, before: names, after: now ?? 'none', ...here(real) };
  }
  for (const path of manifest.absent) {
    const real = roots.expand(path);
    if (real !== undefined && !files.exists(real)) continue;
    const input = `file ${path}${seen(path, manifest)}`;
    return { input, before: 'none', after: 'exists', ...here(real) };
  }
  return undefined;
}

/** Sets what was observed apart from what the compiler declares. */
function seen(name: string, { observed }: Manifest): string {
  return observed?.includes(name) ? ' (observed)' : '';
}

/** What a manifest says of a directory, as it is now; undefined when there is none. */
export function namesIn(
  path: string,
  asked: Digest | 'there',
  files: Files,
  hasher: Hasher,
): Digest | 'there' | undefined {
  const names = files.list(path);
  if (names === undefined || asked === 'there') return names && 'there';
  return hasher.hash(names.toSorted().join('\0'));
}

function here(text: string | undefined): Pick<Change, 'here'> {
  return text === undefined ? {} : { here: text };
}
