import { join, relative } from 'node:path';
import { canonicalJson } from '../base/canonical.js';
import type { Digest, Hasher } from '../base/digest.js';
import { parsePattern } from './patterns.js';
import { type Tree, Walk } from './walk.js';

/** `extra_inputs` of the velo.toml in a directory. */
export interface Declaration {
  dir: string;
  patterns: readonly string[];
}

/** The state of all that a project declares as read by its macros. */
export interface Declared {
  patterns: readonly string[];
  /** Where they are declared, as the package sees it, and which: part of the key. */
  by: string;
  /** Path below the declaring directory → digest, or what else it is: part of the key. */
  inputs: Record<string, string>;
  /** Another one after any change, also one that was taken back. */
  stamp: Digest;
}

/** Up to here each file is a part of the key by its own name. */
const MAX_NAMED = 64;

/**
 * Reads the present state of declared inputs: of a file its content or that there is none, of a
 * directory all that is in it, of a pattern all that fits.
 *
 * @returns or why that cannot be told
 */
export async function readDeclared(
  { dir, patterns }: Declaration,
  packageDir: string,
  tree: Tree,
  hasher: Hasher,
): Promise<Declared | { problem: string }> {
  const walk = new Walk(dir, tree);
  const found: (readonly [pattern: string, inputs: Map<string, string>])[] = [];
  for (const text of [...patterns].sort()) {
    const pattern = parsePattern(text);
    if ('problem' in pattern) return pattern;
    found.push([text, await walk.find(pattern)]);
    if (walk.problem !== undefined) return { problem: walk.problem };
  }
  const inputs = named(found, hasher);
  return {
    patterns,
    by: `${relative(packageDir, join(dir, 'velo.toml'))}: ${canonicalJson([...patterns].sort())}`,
    inputs,
    stamp: hasher.hash(canonicalJson([inputs, walk.changes])),
  };
}

/** Flat, so that an explanation names a file; by pattern where they are too many for that. */
function named(
  found: readonly (readonly [pattern: string, inputs: Map<string, string>])[],
  hasher: Hasher,
): Record<string, string> {
  const total = found.reduce((sum, [, inputs]) => sum + inputs.size, 0);
  const long = ([, inputs]: (typeof found)[number]) => total > MAX_NAMED && inputs.size > 1;
  const flat = new Map(found.filter((entry) => !long(entry)).flatMap(([, inputs]) => [...inputs]));
  for (const [pattern, inputs] of found.filter(long)) {
    let name = pattern;
    while (flat.has(name)) name += ' ';
    const digest = hasher.hash(canonicalJson(Object.fromEntries(inputs)));
    flat.set(name, `${digest} of ${inputs.size} entries`);
  }
  return Object.fromEntries(flat);
}
