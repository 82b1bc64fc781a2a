import { describe, expect, it } from 'vitest';
import { asDigest } from '../../src/base/digest.js';
import { hashId } from '../../src/identity/ids.js';
import type { Role } from '../../src/identity/roles.js';
import { evaluate } from '../../src/identity/roster.js';
import type { Claim, RecallTarget, Statement } from '../../src/identity/statements.js';
import { type Held, trustIn } from '../../src/identity/trust.js';
import { readTrustFacts, recallsText, trustFactsOf } from '../../src/identity/trustFacts.js';
import { ACTORS, add, FOUNDER, GENESIS, revoke, said } from './histories.js';
import { foundMesh, meet, newMember, newNode } from './support.js';

const [, CI, MEMBER, READER, SELF, ADMIN] = ACTORS as [string, ...string[]];
const result = { resultKey: asDigest('a'.repeat(64)), toolchain: asDigest('b'.repeat(64)) };
const by = (...signers: string[]) => signers.map((signer) => ({ mesh: GENESIS.meshId, signer }));

const named = (node: string, role: Role, name: string) =>
  said(FOUNDER, { type: 'add', node, role, name });
const recall = (target: RecallTarget, author = FOUNDER) => said(author, { type: 'recall', target });
const HISTORY = [
  add(FOUNDER, CI!, 'ci'),
  add(FOUNDER, MEMBER!),
  add(FOUNDER, READER!, 'reader'),
  add(FOUNDER, SELF!),
];

function trust(policy: string, more: readonly Statement[] = []) {
  const roster = evaluate(GENESIS, [...HISTORY, ...more]);
  return trustIn(trustFactsOf(GENESIS.meshId, SELF!, roster), policy);
}

const reasonOf = (policy: string, signers: string[], more: readonly Statement[] = []) =>
  trust(policy, more).taking(result, by(...signers))?.reason;

describe('a peer’s result is taken', () => {
  it('for the word of any member, and of nobody else', () => {
    expect(reasonOf('any-member', [MEMBER!])).toBeUndefined();
    expect(reasonOf('any-member', [FOUNDER])).toBeUndefined();
    expect(reasonOf('any-member', [])).toBe('policy');
    expect(reasonOf('any-member', [ADMIN!])).toBe('policy');
    const elsewhere = [{ mesh: hashId(Buffer.from('other')), signer: MEMBER! }];
    expect(trust('any-member').taking(result, elsewhere)?.reason).toBe('policy');
  });

  it('never for the word of who only reads, whatever the policy', () => {
    const policies = ['any-member', 'role:member', `nodes:${READER}`, 'quorum:1'];
    for (const policy of policies) expect(reasonOf(policy, [READER!])).toBe('policy');
    // Roles are the union of the adds that count.
    const also = [named(READER!, 'ci', 'x')];
    for (const policy of ['any-member', 'role:ci']) {
      expect(reasonOf(policy, [READER!], also)).toBeUndefined();
    }
  });

  it('for a role, where the policy names one', () => {
    expect(reasonOf('role:ci', [CI!])).toBeUndefined();
    expect(reasonOf('role:ci', [MEMBER!, FOUNDER])).toBe('policy');
    expect(reasonOf('role:admin', [FOUNDER])).toBeUndefined();
    expect(reasonOf('role:ci', [MEMBER!], [named(MEMBER!, 'ci', 'x')])).toBeUndefined();
    expect(trust('role:ci').taking(result, by(MEMBER!))).toEqual({
      reason: 'policy',
      before: `signed by name-${MEMBER!.slice(0, 4)} (${MEMBER!.slice(0, 8)})`,
      after: 'role:ci',
    });
  });

  it('for nodes that the policy names', () => {
    const more = [named(MEMBER!, 'member', 'build box'), named(CI!, 'ci', 'ci-1')];
    expect(reasonOf(`nodes:${CI}`, [CI!])).toBeUndefined();
    expect(reasonOf(`nodes:${CI}`, [MEMBER!])).toBe('policy');
    expect(reasonOf('nodes:ci-1, build box', [MEMBER!], more)).toBeUndefined();
    expect(reasonOf('nodes:ci-1', [MEMBER!], more)).toBe('policy');
  });

  it('not for a name that a second node took, even if the first is out', () => {
    const twice = [named(CI!, 'ci', 'ci-1'), named(MEMBER!, 'member', 'ci-1')];
    expect(reasonOf('nodes:ci-1', [MEMBER!], twice)).toBe('policy');
    expect(reasonOf('nodes:ci-1', [CI!], twice)).toBe('policy');
    expect(reasonOf('nodes:ci-1', [MEMBER!], [...twice, revoke(FOUNDER, CI!)])).toBe('policy');
  });

  it('for as many different members as a quorum asks', () => {
    expect(reasonOf('quorum:2', [CI!, MEMBER!])).toBeUndefined();
    expect(reasonOf('quorum:2', [CI!, CI!])).toBe('policy');
    expect(reasonOf('quorum:2', [CI!, READER!])).toBe('policy');
    expect(reasonOf('quorum:2', [CI!, ADMIN!])).toBe('policy');
  });

  it('not for who was revoked', () => {
    expect(reasonOf('any-member', [MEMBER!], [revoke(FOUNDER, MEMBER!)])).toBe('policy');
    expect(reasonOf('any-member', [MEMBER!, CI!], [revoke(FOUNDER, MEMBER!)])).toBeUndefined();
  });
});

describe('a stored result is put in place', () => {
  const peers = (...signers: string[]): Held => ({
    result,
    attestations: by(...signers),
    origin: 'peer',
  });
  const own: Held = { result, attestations: [], origin: 'own' };

  it('when it is this node’s own, whatever the policy', () => {
    for (const policy of ['role:ci', 'quorum:3', `nodes:${CI}`]) {
      expect(trust(policy).keeping(own)).toBeUndefined();
    }
  });

  it('when the policy of today accepts who vouched for it', () => {
    expect(trust('role:ci').keeping(peers(MEMBER!))?.reason).toBe('policy');
    expect(trust('role:ci').keeping(peers(CI!))).toBeUndefined();
    expect(trust('any-member').keeping(peers())?.reason).toBe('policy');
  });

  it('when who vouched for it was revoked since, with the role of then', () => {
    const out = [revoke(FOUNDER, CI!)];
    expect(trust('role:ci', out).keeping(peers(CI!))).toBeUndefined();
    expect(trust('role:admin', out).keeping(peers(CI!))?.reason).toBe('policy');
    expect(trust('any-member', out).isRecalled(peers(CI!))).toBe(false);
  });

  it('not when its signer is one that was never admitted by anybody who counts', () => {
    const admin = named(ADMIN!, 'admin', 'x');
    const sock = hashId(Buffer.from('sock'));
    const more = [admin, add(ADMIN!, sock)];
    expect(trust('any-member', more).keeping(peers(sock))).toBeUndefined();
    const out = [...more, revoke(FOUNDER, ADMIN!)];
    expect(trust('any-member', out).keeping(peers(sock))?.reason).toBe('policy');
  });
});

describe('what is recalled', () => {
  const stored = (origin: Held['origin'], ...signers: string[]): Held => ({
    result,
    attestations: by(...signers),
    origin,
  });
  const all = [stored('own'), stored('peer', MEMBER!), stored('peer', MEMBER!, CI!)];
  /** Which of `all` are refused as recalled, and which are dropped: always the same. */
  function recalled(statements: readonly Statement[], policy = 'any-member'): boolean[] {
    const now = trust(policy, statements);
    const refused = all.map((held) => now.keeping(held)?.reason === 'recall');
    expect(all.map((held) => now.isRecalled(held))).toEqual(refused);
    return refused;
  }

  it('is nothing without a statement', () => {
    expect(recalled([])).toEqual([false, false, false]);
  });

  it('is all that a toolchain made, or under a key, from whomever', () => {
    for (const target of [
      { kind: 'toolchain', id: result.toolchain },
      { kind: 'result', id: result.resultKey },
    ] as const) {
      expect(recalled([recall(target)])).toEqual([true, true, true]);
      expect(reasonOf('any-member', [MEMBER!], [recall(target)])).toBe('recall');
      const other = recall({ ...target, id: asDigest('c'.repeat(64)) });
      expect(recalled([other])).toEqual([false, false, false]);
    }
  });

  it('is what nobody vouches for but a recalled node', () => {
    const statements = [recall({ kind: 'node', id: MEMBER! })];
    expect(recalled(statements)).toEqual([false, true, false]);
    expect(reasonOf('any-member', [MEMBER!], statements)).toBe('recall');
    expect(reasonOf('any-member', [MEMBER!, CI!], statements)).toBeUndefined();
    expect(reasonOf('quorum:2', [MEMBER!, CI!], statements)).toBe('recall');
  });

  it('is what this very node made, when it is recalled itself', () => {
    expect(recalled([recall({ kind: 'node', id: SELF! })])).toEqual([true, false, false]);
  });

  it('is what a revoke says so of, and not what another revoke does', () => {
    const claim: Claim = { type: 'revoke', node: MEMBER!, keep: [], recall: true };
    expect(recalled([said(FOUNDER, claim)])).toEqual([false, true, false]);
    expect(recalled([said(MEMBER!, claim)])).toEqual([false, true, false]);
    expect(recalled([revoke(FOUNDER, MEMBER!)])).toEqual([false, false, false]);
  });

  it('is decided by admins, also by one that is out by now, and by nobody else', () => {
    const target = { kind: 'result', id: result.resultKey } as const;
    expect(recalled([recall(target, MEMBER!)])).toEqual([false, false, false]);
    const admin = named(ADMIN!, 'admin', 'x');
    const out = [admin, recall(target, ADMIN!), revoke(FOUNDER, ADMIN!)];
    expect(recalled(out)).toEqual([true, true, true]);
    const byMember: Claim = { type: 'revoke', node: CI!, keep: [], recall: true };
    expect(recalled([said(MEMBER!, byMember)])).toEqual([false, false, false]);
  });
});

describe('a membership', () => {
  it('spreads what an admin recalls, keeps it over restarts, and reads it without the mesh', async () => {
    const founder = await foundMesh();
    const member = await newMember(founder.membership);
    const target = { kind: 'node', id: member.key.nodeId } as const;
    expect(() => member.membership.recall(target)).toThrow(/no admin/);
    expect(recallsText(founder.membership.trustFacts())).toBe('');
    founder.membership.recall(target);
    founder.membership.recall(target);
    expect(founder.membership.statements()).toHaveLength(2);
    meet(founder.membership, member.membership);
    const facts = member.membership.trustFacts();
    expect([...facts.recalls.nodes]).toEqual([member.key.nodeId]);
    expect(await readTrustFacts(member.dir)).toEqual(facts);
    expect(recallsText(facts)).toContain(member.key.nodeId);
    expect(await readTrustFacts((await newNode()).dir)).toBeUndefined();
  });
});
