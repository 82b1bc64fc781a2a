import { VriftError } from '../base/errors.js';
import { isId } from './ids.js';
import type { Member } from './membershipRules.js';

/** Fewer characters are mistyped too easily. */
const MIN_START = 4;

/**
 * The node that a person means: by id, by the start of an id, or by a name. Those that were
 * revoked can be meant as well.
 *
 * @throws VRIFT_USAGE when none is, or several are
 */
export function whichMember(members: readonly Member[], text: string): string {
  const isMeant = ({ node, name }: Member) =>
    node === text || name === text || (text.length >= MIN_START && node.startsWith(text));
  const exact = members.filter(({ node }) => node === text);
  const meant = exact.length > 0 || isId(text) ? exact : members.filter(isMeant);
  const [first, second] = meant;
  if (first === undefined) throw new VriftError('VRIFT_USAGE', `this mesh has no member ${text}`);
  if (second === undefined) return first.node;
  const ids = meant.map(({ node }) => node.slice(0, 8)).join(', ');
  throw new VriftError('VRIFT_USAGE', `several members are called ${text}: ${ids}`);
}
