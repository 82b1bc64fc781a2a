import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate, type Roster } from '../../src/identity/roster.js';
import type { Statement } from '../../src/identity/statements.js';
import {
  ACTORS,
  add,
  deed,
  FOUNDER,
  GENESIS,
  historyOf,
  membersByTheRules,
  revoke,
  said,
} from './histories.js';

const [, ANN = '', BOB = '', CAT = '', DAN = '', EVE = ''] = ACTORS;

function memberIds(...statements: Statement[]): string[] {
  return [...evaluate(GENESIS, statements).members.keys()].sort();
}

function those(...nodes: string[]): string[] {
  return nodes.sort();
}

describe('membership, by rule', () => {
  it('1: starts with the founder, an admin', () => {
    const { members } = evaluate(GENESIS, []);
    expect([...members.keys()]).toEqual([FOUNDER]);
    expect(members.get(FOUNDER)).toEqual({
      roles: new Set(['admin']),
      addedBy: [],
      names: ['founder'],
    });
  });

  it('3: keeps what an admin says who does not count any more', () => {
    const annIn = add(FOUNDER, ANN, 'admin');
    const bobIn = add(ANN, BOB, 'admin');
    // Ann is out and so is what she added, yet Bob may still say that Cat goes.
    const statements = [annIn, bobIn, revoke(FOUNDER, ANN), add(FOUNDER, CAT), revoke(BOB, CAT)];
    expect(memberIds(...statements)).toEqual([FOUNDER]);
  });

  it('4: ignores a revoke by someone who never had a say, but lets everyone leave', () => {
    const both = [add(FOUNDER, ANN), add(FOUNDER, BOB)];
    expect(memberIds(...both, revoke(ANN, BOB))).toEqual(those(FOUNDER, ANN, BOB));
    expect(memberIds(...both, revoke(BOB, BOB))).toEqual(those(FOUNDER, ANN));
  });

  it('4: a revoke counts for ever, even when its author is revoked for it', () => {
    const admins = [add(FOUNDER, ANN, 'admin'), add(FOUNDER, BOB, 'admin')];
    const statements = [...admins, revoke(ANN, BOB), revoke(FOUNDER, ANN)];
    expect(memberIds(...statements)).toEqual([FOUNDER]);
  });

  it('5: an add by a plain member or a stranger counts for nothing', () => {
    expect(memberIds(add(FOUNDER, ANN), add(ANN, BOB, 'admin'), add(EVE, DAN))).toEqual(
      those(FOUNDER, ANN),
    );
  });

  it('5: two admins cannot hold each other in', () => {
    const circle = [add(ANN, BOB, 'admin'), add(BOB, CAT, 'admin'), add(CAT, ANN, 'admin')];
    expect(memberIds(...circle)).toEqual([FOUNDER]);
    const annIn = add(FOUNDER, ANN, 'admin');
    expect(memberIds(...circle, annIn)).toEqual(those(FOUNDER, ANN, BOB, CAT));
    expect(memberIds(...circle, annIn, revoke(FOUNDER, ANN))).toEqual([FOUNDER]);
  });

  it('5: what a revoked admin added stays when every revoke lists it', () => {
    const annIn = add(FOUNDER, ANN, 'admin');
    const bobIn = add(ANN, BOB, 'admin');
    const catIn = add(BOB, CAT);
    const kept = [annIn, bobIn, catIn, revoke(FOUNDER, ANN, [bobIn])];
    expect(memberIds(...kept)).toEqual(those(FOUNDER, BOB, CAT));
    expect(memberIds(...kept, revoke(BOB, ANN))).toEqual([FOUNDER]);
  });

  it('6: a revoked key never returns, whoever adds it again', () => {
    const annIn = add(FOUNDER, ANN);
    expect(memberIds(annIn, revoke(FOUNDER, ANN), add(FOUNDER, ANN, 'admin'))).toEqual([FOUNDER]);
  });

  it('7: roles add up', () => {
    const { members } = evaluate(GENESIS, [add(FOUNDER, ANN, 'reader'), add(FOUNDER, ANN, 'ci')]);
    expect(members.get(ANN)?.roles).toEqual(new Set(['reader', 'ci']));
  });

  it('8: who revoke each other are both out, the founder among them', () => {
    const annIn = add(FOUNDER, ANN, 'admin');
    expect(memberIds(annIn, revoke(ANN, FOUNDER), revoke(FOUNDER, ANN))).toEqual([]);
    expect(memberIds(annIn, revoke(ANN, FOUNDER, [annIn]))).toEqual([ANN]);
  });

  it('9: backdating is useless: an add that no revoke lists came too late', () => {
    const annIn = add(FOUNDER, ANN, 'admin');
    const bobIn = add(ANN, BOB);
    const out = revoke(FOUNDER, ANN, [bobIn]);
    const puppets = [add(ANN, EVE, 'admin'), add(EVE, DAN, 'admin')];
    expect(memberIds(annIn, bobIn, out, ...puppets)).toEqual(those(FOUNDER, BOB));
    expect(memberIds(annIn, bobIn, out, ...puppets, add(FOUNDER, DAN))).toEqual(
      those(FOUNDER, BOB, DAN),
    );
  });

  it('9: rotates a key: the new one added, the old one gone with all kept', () => {
    const annIn = add(FOUNDER, ANN, 'admin');
    const bobIn = add(ANN, BOB);
    const newKey = add(ANN, CAT, 'admin');
    const rotated = [annIn, bobIn, newKey, revoke(ANN, ANN, [bobIn, newKey])];
    expect(memberIds(...rotated)).toEqual(those(FOUNDER, BOB, CAT));
  });

  it('takes no notice of a recall', () => {
    const recall = said(FOUNDER, { type: 'recall', target: { kind: 'node', id: ANN } });
    expect(memberIds(add(FOUNDER, ANN), recall)).toEqual(those(FOUNDER, ANN));
  });
});

describe('membership, over random histories', () => {
  const deeds = fc.array(deed, { maxLength: 24 });
  const RUNS = { numRuns: 10_000 };

  it('is what the rules say when read literally', () => {
    fc.assert(
      fc.property(deeds, (some) => {
        const history = historyOf(some);
        expect(memberIds(...history)).toEqual(membersByTheRules(history).sort());
      }),
      RUNS,
    );
  });

  it('is the same in any order, with anything said twice', () => {
    const shuffled = deeds.chain((some) => {
      const history = historyOf(some);
      const orders = fc.shuffledSubarray([...history, ...history], {
        minLength: history.length * 2,
      });
      return fc.tuple(fc.constant(history), orders);
    });
    fc.assert(
      fc.property(shuffled, ([history, again]) => {
        expect(plain(evaluate(GENESIS, again))).toEqual(plain(evaluate(GENESIS, history)));
      }),
      RUNS,
    );
  });

  it('never takes a revoked key back, nor an add that a revoke did not list', () => {
    fc.assert(
      fc.property(deeds, fc.nat({ max: 24 }), (some, known) => {
        const history = historyOf(some);
        const before = evaluate(GENESIS, history.slice(history.length - known));
        const after = evaluate(GENESIS, history);
        for (const node of before.revoked.keys()) {
          expect(after.revoked.has(node)).toBe(true);
          expect(after.members.has(node)).toBe(false);
        }
        for (const one of history) {
          if (one.type !== 'revoke' || !after.revoked.has(one.node)) continue;
          const isFounders = one.author === FOUNDER || one.author === one.node;
          if (!isFounders) continue;
          const late = [...after.counting.values()].filter(({ author }) => author === one.node);
          for (const { id } of late) expect(one.keep).toContain(id);
        }
      }),
      RUNS,
    );
  });
});

function plain({ members, revoked, counting }: Roster): unknown {
  return {
    members: [...members]
      .sort()
      .map(([node, { roles, addedBy, names }]) => [node, [...roles].sort(), addedBy, names]),
    revoked: [...revoked.keys()].sort(),
    counting: [...counting.keys()].sort(),
  };
}
