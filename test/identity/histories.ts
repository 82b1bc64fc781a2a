import fc from 'fast-check';
import type { Genesis } from '../../src/identity/genesis.js';
import { hashId } from '../../src/identity/ids.js';
import type { Role } from '../../src/identity/roles.js';
import type { Add, Revoke } from '../../src/identity/roster.js';
import type { Claim, Statement } from '../../src/identity/statements.js';

/** Actors of made-up histories; the first is the founder. */
export const ACTORS = Array.from({ length: 6 }, (_, index) =>
  hashId(Buffer.from(`actor ${index}`)),
);

export const FOUNDER = ACTORS[0] ?? '';

export const GENESIS: Genesis = {
  meshId: hashId(Buffer.from('mesh')),
  name: 'attic',
  founder: FOUNDER,
  founderName: 'founder',
  bytes: Buffer.from('mesh'),
};

/** A statement without a signature: evaluation is not about signatures. */
export function said(author: string, claim: Claim): Statement {
  const id = hashId(Buffer.from(JSON.stringify([author, claim])));
  return { ...claim, id, mesh: GENESIS.meshId, author };
}

export function add(author: string, node: string, role: Role = 'member'): Add {
  return said(author, { type: 'add', node, role, name: `name-${node.slice(0, 4)}` }) as Add;
}

export function revoke(author: string, node: string, keep: readonly Add[] = []): Revoke {
  const ids = keep.map(({ id }) => id).sort();
  return said(author, { type: 'revoke', node, keep: ids, recall: false }) as Revoke;
}

/** One thing that somebody does; numbers choose actors, `keep` which of the target's adds stay. */
export type Deed =
  | { kind: 'add'; author: number; node: number; role: Role }
  | { kind: 'revoke'; author: number; node: number; keep: number };

const actor = fc.nat({ max: ACTORS.length - 1 });

/** Adds by whoever, sock puppets and cycles among them; revokes of each other and of oneself. */
export const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      author: actor,
      node: actor,
      role: fc.constantFrom<Role>('admin', 'admin', 'member', 'ci', 'reader'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('revoke' as const),
      author: actor,
      node: actor,
      keep: fc.nat({ max: 255 }),
    }),
  },
);

/**
 * Turns deeds into statements. Keep lists choose from all adds of the history, also from those
 * "later" in it: there are no clocks, so a set must not depend on when something was said.
 */
export function historyOf(deeds: readonly Deed[]): Statement[] {
  const actorAt = (index: number) => ACTORS[index] ?? FOUNDER;
  const adds = deeds
    .filter((one) => one.kind === 'add')
    .map(({ author, node, role }) => add(actorAt(author), actorAt(node), role));
  const revokes = deeds
    .filter((one) => one.kind === 'revoke')
    .map(({ author, node, keep }) => {
      const theirs = adds.filter((one) => one.author === actorAt(node));
      const kept = theirs.filter((_, index) => (keep >> (index % 8)) & 1);
      return revoke(actorAt(author), actorAt(node), [...new Set(kept)]);
    });
  return [...adds, ...revokes];
}

/** The ten rules written down a second time, as literally and slowly as possible. */
export function membersByTheRules(statements: readonly Statement[]): string[] {
  const adds = statements.filter((one) => one.type === 'add');
  const revokes = statements.filter((one) => one.type === 'revoke');
  const claimants = new Set([FOUNDER]);
  const counting = new Set<string>();
  for (let round = 0; round <= statements.length; round += 1) {
    for (const { author, node, role } of adds) {
      if (claimants.has(author) && role === 'admin') claimants.add(node);
    }
  }
  const counts = revokes.filter(({ author, node }) => claimants.has(author) || author === node);
  for (let round = 0; round <= statements.length; round += 1) {
    for (const { id, author } of adds) {
      const holdsAdmin = adds.some(
        (one) => counting.has(one.id) && one.node === author && one.role === 'admin',
      );
      const kept = counts.filter(({ node }) => node === author).every((r) => r.keep.includes(id));
      if ((author === FOUNDER || holdsAdmin) && kept) counting.add(id);
    }
  }
  return ACTORS.filter((node) => {
    const placed =
      node === FOUNDER || adds.some((one) => counting.has(one.id) && one.node === node);
    return placed && !counts.some((one) => one.node === node);
  });
}
