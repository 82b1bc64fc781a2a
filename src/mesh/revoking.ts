import { VriftError } from '../base/errors.js';
import { chooseMember } from '../identity/chooseMember.js';
import type { Invites } from '../identity/invites.js';
import type { Membership } from '../identity/membership.js';
import { forgetNextKey } from '../identity/nodeKey.js';
import { nextKey, takeNextKey, unfinishedRotation } from '../identity/rotation.js';
import type { AddedByInfo, RevokedInfo } from '../wire/control.js';

/** Tells connected peers of what is new. @returns how many know it */
export type Spread = () => Promise<number>;

/** What a person says of those whom a revoked node had added. */
export interface Fate {
  /** Undefined: not said. It has to be if there are any. */
  keepAdded: boolean | undefined;
  /** The adds that the person was shown, by statement: what came after them goes. Undefined: all. */
  shown: readonly string[] | undefined;
}

/**
 * Whom a member added, as far as it counts now.
 *
 * @param wanted a name, or the beginning of a node id
 * @throws VRIFT_USAGE
 */
export function addedByMember(membership: Membership, wanted: string): AddedByInfo {
  const { node, name } = chooseMember(membership.members(), wanted);
  const added = membership.addedBy(node).map((add) => {
    return { statement: add.id, node: add.node, name: add.name, role: add.role };
  });
  return { node, name, added };
}

/**
 * Shuts a member out for ever, here at once and elsewhere as soon as it is heard of.
 *
 * @param self this node
 * @param wanted a name, or the beginning of a node id
 * @throws VRIFT_USAGE, VRIFT_MESH_FORBIDDEN
 */
export async function revokeMember(
  { membership, self, spread }: { membership: Membership; self: string; spread: Spread },
  wanted: string,
  options: Fate & { recall: boolean; force: boolean },
): Promise<RevokedInfo> {
  const { node, name } = chooseMember(membership.members(), wanted);
  if (node === self) {
    const message = 'this is the node itself: `vrift mesh leave` or `vrift mesh rotate`';
    throw new VriftError('VRIFT_USAGE', message);
  }
  const { keepAdded, shown, recall, force } = options;
  const { added } = addedByMember(membership, node);
  if (added.length > 0 && keepAdded === undefined) {
    const list = added.map((entry) => `${entry.name} (${entry.node.slice(0, 8)})`).join(', ');
    const message = `${name} added ${list}: say --keep-added or --drop-added`;
    throw new VriftError('VRIFT_USAGE', message);
  }
  const among = shown && new Set(shown);
  membership.revoke(node, {
    keepAdded: keepAdded ?? false,
    ...(among && { among }),
    recall,
    force,
  });
  await spread();
  const kept = added.filter((entry) => membership.isMember(entry.node));
  return {
    node,
    name,
    recalled: recall,
    added: added.map((entry) => entry.name),
    kept,
    dropped: added.filter((entry) => !kept.includes(entry)),
  };
}

/**
 * Makes a new key, gives it this node's roles, tells peers, and revokes the old one. Cut short, it goes
 * on with the same new key when it is called again.
 *
 * @param dir the identity directory; it holds the new key afterwards
 * @throws VRIFT_MESH_FORBIDDEN unless this node is an admin whom connected peers heard
 */
export async function renewKey(
  membership: Membership,
  node: { dir: string; self: string; name: string; invites: Invites; spread: Spread },
): Promise<void> {
  const { dir, self, name, invites, spread } = node;
  membership.assertMayAdd(self);
  const roles = membership.rolesOf(self);
  // One that waits from before may have them already.
  if (unfinishedRotation(dir) === undefined) membership.assertMayKeepAll(self, roles.size);
  let next = await nextKey(dir);
  if (membership.isRevoked(next.nodeId)) {
    forgetNextKey(dir);
    next = await nextKey(dir);
  }
  for (const role of roles) membership.add(next.spki, role, name);
  const heard = await spread();
  const others = membership.members().filter((member) => {
    return !member.revoked && member.node !== self && member.node !== next.nodeId;
  });
  if (heard === 0 && others.length > 0) {
    const message = 'nobody is connected who could hear of the new key: nobody would know it';
    throw new VriftError('VRIFT_MESH_FORBIDDEN', `${message}; run it again when peers are there`);
  }
  invites.void(membership.meshId);
  membership.revoke(self, { keepAdded: true });
  await spread();
  takeNextKey(dir);
}
