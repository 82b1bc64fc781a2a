import { VriftError } from '../base/errors.js';
import type { Ledger } from './ledger.js';
import { addThatHolds, countingAddsBy, leavesNoAdmin } from './revocation.js';
import { strongestOf } from './roles.js';
import type { Roster, Standing } from './roster.js';
import { MAX_KEPT, type Statement } from './statements.js';

/** One line of `vrift mesh members`. */
export interface Member {
  node: string;
  name: string;
  role: string;
  addedBy: string | null;
  revoked: boolean;
}

/** Current members first, then the revoked; by name. */
export function membersOf(roster: Roster): Member[] {
  return [...linesOf(roster.members, false), ...linesOf(roster.revoked, true)];
}

/** @throws VRIFT_MESH_FORBIDDEN unless `self` is a current admin and the key was never revoked */
export function assertMayAdd(roster: Roster, self: string, node: string): void {
  assertAdmin(roster, self);
  if (roster.revoked.has(node)) {
    const message = `node ${node} was revoked: its key never returns, it needs a new one`;
    throw new VriftError('VRIFT_MESH_FORBIDDEN', message);
  }
}

/**
 * @throws VRIFT_USAGE for a node that the mesh does not know; VRIFT_MESH_FORBIDDEN when `self`
 *   is no admin and not the node itself
 */
export function assertMayRevoke(roster: Roster, self: string, node: string): void {
  if (!roster.members.has(node) && !roster.revoked.has(node)) {
    throw new VriftError('VRIFT_USAGE', `this mesh has no member ${node}`);
  }
  if (self !== node) assertAdmin(roster, self);
}

/** @throws VRIFT_MESH_FORBIDDEN when members would be left without an admin */
export function assertAdminRemains(ledger: Ledger, revoke: Statement): void {
  if (!leavesNoAdmin(ledger.genesis, ledger.claims(), revoke)) return;
  const message = 'the last admin would go: add another admin first, or use --force';
  throw new VriftError('VRIFT_MESH_FORBIDDEN', message);
}

/**
 * The `keep` of a revoke of `node` by `self`; design: docs/protocol.md, "Membership", rule 9.
 *
 * @param options `among`: ids of the adds that may be kept; undefined for all. One that the role of `self` hangs
 *   on is kept in any case
 * @throws VRIFT_MESH_FORBIDDEN when there are more than one revoke can keep
 */
export function keepListOf(
  ledger: Ledger,
  self: string,
  options: { node: string; keepAdded: boolean; among: ReadonlySet<string> | undefined },
): string[] {
  const { node, keepAdded, among } = options;
  const needed = addThatHolds(ledger.genesis, ledger.roster, self, node);
  const kept = new Set(needed && [needed.id]);
  if (keepAdded) {
    for (const { id } of countingAddsBy(ledger.roster, node)) {
      if (among === undefined || among.has(id)) kept.add(id);
    }
  }
  assertFewKept(node, kept.size);
  return [...kept].sort();
}

/** @throws VRIFT_MESH_FORBIDDEN when a revoke of that node could not keep so many adds by it */
export function assertFewKept(node: string, count: number): void {
  if (count <= MAX_KEPT) return;
  const message = `${node} added ${count} nodes, more than one revoke can keep`;
  throw new VriftError('VRIFT_MESH_FORBIDDEN', message);
}

/** @throws VRIFT_MESH_FORBIDDEN unless `self` is a current admin */
export function assertAdmin(roster: Roster, self: string): void {
  if (roster.members.get(self)?.roles.has('admin')) return;
  throw new VriftError('VRIFT_MESH_FORBIDDEN', 'this node is no admin of its mesh');
}

function linesOf(standings: ReadonlyMap<string, Standing>, revoked: boolean): Member[] {
  return [...standings].map(([node, standing]) => lineOf(node, standing, revoked)).sort(byName);
}

function lineOf(node: string, { roles, addedBy, names }: Standing, revoked: boolean): Member {
  const role = strongestOf(roles) ?? 'none';
  return { node, name: names[0] ?? node.slice(0, 8), role, addedBy: addedBy[0] ?? null, revoked };
}

function byName(a: Member, b: Member): number {
  return a.name.localeCompare(b.name, 'en') || (a.node < b.node ? -1 : 1);
}
