import { canonicalJson } from './canonical.js';
import type { Digest, Hasher } from './digest.js';
import type { Result } from './result.js';

/**
 * What is signed of a result, and what tells two results of one key apart: all of it but how long
 * its compile took. Two nodes that made the same of the same have one digest, so that a quorum can
 * be met.
 */
export function resultDigestOf(result: Result, hasher: Pick<Hasher, 'hash'>): Digest {
  const { compileMs: _, ...made } = result;
  return hasher.hash(canonicalJson(made));
}
