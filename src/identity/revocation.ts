import type { Genesis } from './genesis.js';
import { groupBy } from './groupBy.js';
import { type Add, evaluate, type Roster } from './roster.js';
import type { Statement } from './statements.js';

/** The adds by `node` that count now: what a revoke of it keeps or drops. Sorted by id. */
export function countingAddsBy(roster: Roster, node: string): Add[] {
  return [...roster.counting.values()].filter(({ author }) => author === node);
}

/**
 * The add by `target` that a revoke of it must keep, because the admin role of `self` hangs on
 * it. One is enough: a chain of adds needs no node twice.
 *
 * @returns undefined when `self` stays an admin without any of them
 */
export function addThatHolds(
  genesis: Genesis,
  roster: Roster,
  self: string,
  target: string,
): Add | undefined {
  const others = [...roster.counting.values()].filter(({ author }) => author !== target);
  if (adminsFrom(genesis.founder, others).has(self)) return undefined;
  const adds = countingAddsBy(roster, target).filter(({ role }) => role === 'admin');
  return (
    adds.find(({ node }) => node === self) ??
    adds.find(({ node }) => adminsFrom(node, others).has(self))
  );
}

/** Whether a mesh that has members would be left without one who can add or remove. */
export function leavesNoAdmin(
  genesis: Genesis,
  statements: readonly Statement[],
  revoke: Statement,
): boolean {
  const { members } = evaluate(genesis, [...statements, revoke]);
  return members.size > 0 && ![...members.values()].some(({ roles }) => roles.has('admin'));
}

function adminsFrom(start: string, adds: readonly Add[]): Set<string> {
  const byAuthor = groupBy(adds, ({ author }) => author);
  const admins = new Set([start]);
  for (const admin of admins) {
    for (const { node, role } of byAuthor.get(admin) ?? []) {
      if (role === 'admin') admins.add(node);
    }
  }
  return admins;
}
