import type { Genesis } from './genesis.js';
import { groupBy } from './groupBy.js';
import { type Recalls, recallsOf } from './recalls.js';
import type { Role } from './roles.js';
import type { Statement } from './statements.js';

export type Add = Extract<Statement, { type: 'add' }>;
export type Revoke = Extract<Statement, { type: 'revoke' }>;

/** What the counting adds say of one node. Lists are sorted. */
export interface Standing {
  roles: ReadonlySet<Role>;
  /** Node ids of the admins whose adds count; empty for the founder's own place. */
  addedBy: readonly string[];
  names: readonly string[];
}

export interface Roster {
  members: ReadonlyMap<string, Standing>;
  /** Every node that a revoke counts against, with what it was; its key never returns. */
  revoked: ReadonlyMap<string, Standing>;
  /** The adds that count, by id; those of revoked nodes too. */
  counting: ReadonlyMap<string, Add>;
  /** What is refused although its signatures hold. */
  recalls: Recalls;
}

/**
 * Who belongs to a mesh, by the ten rules of docs/protocol.md ("Membership"). Pure, and the same
 * for the same set in any order: a revoke counts whatever else is revoked, and an add counts
 * through a chain of adds from the founder, so no statement waits for a clock or for another's
 * turn.
 *
 * @param statements authentic ones of this mesh; repeats do no harm
 */
export function evaluate(genesis: Genesis, statements: Iterable<Statement>): Roster {
  const unique = new Map([...statements].map((statement) => [statement.id, statement]));
  const all = [...unique.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const adds = all.filter((statement) => statement.type === 'add');
  const claimants = claimantsOf(genesis, adds);
  const revokes = all
    .filter((statement) => statement.type === 'revoke')
    .filter(({ author, node }) => claimants.has(author) || author === node);
  const byTarget = groupBy(revokes, ({ node }) => node);
  const counting = countingAdds(genesis, adds, byTarget);

  const standings = standingsOf(genesis, [...counting.values()]);
  const members = new Map([...standings].filter(([node]) => !byTarget.has(node)));
  const revoked = new Map([...byTarget.keys()].map((node) => [node, standings.get(node) ?? NONE]));
  return { members, revoked, counting, recalls: recallsOf(all, claimants) };
}

/** The founder, and whoever a claimant added as admin, counted or not (rule 3). */
export function claimantsOf(genesis: Genesis, adds: readonly Add[]): Set<string> {
  const byAuthor = groupBy(adds, ({ author }) => author);
  const claimants = new Set([genesis.founder]);
  // A set's iteration also visits what is added to it meanwhile.
  for (const claimant of claimants) {
    for (const { node, role } of byAuthor.get(claimant) ?? []) {
      if (role === 'admin') claimants.add(node);
    }
  }
  return claimants;
}

/** Rule 5, as the least set that satisfies it: two admins cannot hold each other in. */
function countingAdds(
  genesis: Genesis,
  adds: readonly Add[],
  revokes: ReadonlyMap<string, readonly Revoke[]>,
): Map<string, Add> {
  const byAuthor = groupBy(adds, ({ author }) => author);
  const kept = new Map(
    [...revokes].map(([node, against]) => [node, against.map(({ keep }) => new Set(keep))]),
  );
  const counting = new Map<string, Add>();
  const admins = new Set([genesis.founder]);
  for (const admin of admins) {
    const keepLists = kept.get(admin) ?? [];
    for (const add of byAuthor.get(admin) ?? []) {
      if (!keepLists.every((keep) => keep.has(add.id))) continue;
      counting.set(add.id, add);
      if (add.role === 'admin') admins.add(add.node);
    }
  }
  return counting;
}

const NONE: Standing = { roles: new Set(), addedBy: [], names: [] };

function standingsOf(genesis: Genesis, counting: readonly Add[]): Map<string, Standing> {
  const standings = new Map<string, Standing>();
  for (const [node, adds] of groupBy(counting, ({ node }) => node)) {
    standings.set(node, {
      roles: new Set(adds.map(({ role }) => role)),
      addedBy: sortedUnique(adds.map(({ author }) => author)),
      names: sortedUnique(adds.map(({ name }) => name)),
    });
  }
  const more = standings.get(genesis.founder) ?? NONE;
  standings.set(genesis.founder, {
    roles: new Set<Role>(['admin', ...more.roles]),
    addedBy: more.addedBy,
    names: [genesis.founderName, ...more.names.filter((name) => name !== genesis.founderName)],
  });
  return standings;
}

function sortedUnique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
