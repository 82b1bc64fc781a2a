import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Genesis, makeGenesis } from '../../src/identity/genesis.js';
import { Ledger } from '../../src/identity/ledger.js';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import type { Role } from '../../src/identity/roles.js';
import { type Deed, deed } from './histories.js';
import { newNode } from './support.js';

let keys: NodeKey[];
let genesis: Genesis;

beforeAll(async () => {
  const nodes = await Promise.all(Array.from({ length: 6 }, newNode));
  keys = nodes.map(({ key }) => key);
  genesis = makeGenesis(keyAt(0).spki, 'attic', 'founder');
});

type Event = Deed | { kind: 'meet'; a: number; b: number };

const replica = fc.nat({ max: 5 });
const event: fc.Arbitrary<Event> = fc.oneof(
  deed,
  fc.record({ kind: fc.constant('meet' as const), a: replica, b: replica }),
);

describe('rosters that meet in any order', () => {
  it('end with the same members on every node, whoever was parted from whom', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 25 }), fc.array(replica), (events, tour) => {
        const ledgers = play(events);
        const results = [ledgers, ledgers.toReversed(), permuted(ledgers, tour)].map(gather);
        const [first] = results;
        for (const result of results) {
          expect(result.digest()).toBe(first?.digest());
          expect(result.roster.members).toEqual(first?.roster.members);
        }
        for (const ledger of ledgers) {
          for (const node of ledger.roster.revoked.keys()) {
            expect(first?.roster.members.has(node)).toBe(false);
          }
        }
      }),
      { numRuns: 400 },
    );
  }, 20_000);
});

/** Everyone says what they like in their own copy, as a patched program would; some meet. */
function play(events: readonly Event[]): Ledger[] {
  const ledgers = keys.map(() => Ledger.of(genesis, []));
  for (const one of events) {
    if (one.kind === 'meet') {
      const both = gather([ledgerAt(ledgers, one.a), ledgerAt(ledgers, one.b)]);
      ledgers[one.a] = both;
      ledgers[one.b] = both;
      continue;
    }
    const own = ledgerAt(ledgers, one.author);
    const { bytes } = own.draft(keyAt(one.author), claimOf(one, own));
    ledgers[one.author] = own.merge([bytes]);
  }
  return ledgers;
}

function claimOf(one: Deed, own: Ledger) {
  const node = keyAt(one.node).nodeId;
  if (one.kind === 'add') {
    return { type: 'add', node, role: one.role satisfies Role, name: 'some node' } as const;
  }
  const theirs = own.claims().filter(({ type, author }) => type === 'add' && author === node);
  const keep = theirs.filter((_, index) => (one.keep >> (index % 8)) & 1).map(({ id }) => id);
  return { type: 'revoke', node, keep: keep.sort(), recall: false } as const;
}

/** One node meets all others in turn. */
function gather(ledgers: readonly Ledger[]): Ledger {
  return ledgers.reduce((sum, next) => sum.merge(next.statements()), Ledger.of(genesis, []));
}

function permuted(ledgers: readonly Ledger[], tour: readonly number[]): Ledger[] {
  return [...tour.map((index) => ledgerAt(ledgers, index)), ...ledgers];
}

function ledgerAt(ledgers: readonly Ledger[], index: number): Ledger {
  const ledger = ledgers[index];
  if (ledger === undefined) throw new RangeError(`no replica ${index}`);
  return ledger;
}

function keyAt(index: number): NodeKey {
  const key = keys[index];
  if (key === undefined) throw new RangeError(`no key ${index}`);
  return key;
}
