import { VriftError } from '../base/errors.js';
import type { Member } from './membershipRules.js';

/** A shorter beginning of a node id names nobody: the next member may begin like that too. */
const MIN_ID_CHARS = 4;

/**
 * The member, present or revoked, that a person means by a name or the beginning of a node id.
 *
 * @param isForEver what is done cannot be undone: a name that is also a revoked node's is not enough
 * @throws VRIFT_USAGE when nobody or several are called so
 */
export function chooseMember(
  members: readonly Member[],
  wanted: string,
  isForEver = false,
): Member {
  // A name that somebody chose may look like another's id.
  const exact = members.find(({ node }) => node === wanted);
  if (exact !== undefined) return exact;
  const named = members.filter(
    ({ node, name }) =>
      name === wanted || (wanted.length >= MIN_ID_CHARS && node.startsWith(wanted)),
  );
  // Who came back with a new key has two lines of one name: the present one is meant.
  const present = isForEver ? named : named.filter(({ revoked }) => !revoked);
  const [member, other] = present.length > 0 ? present : named;
  if (member === undefined)
    throw new VriftError('VRIFT_USAGE', `this mesh has no member ${wanted}`);
  if (other === undefined) return member;
  const ids = named.map(({ node }) => node.slice(0, 12)).join(', ');
  throw new VriftError('VRIFT_USAGE', `${wanted} could be any of ${ids}: give one of these`);
}
