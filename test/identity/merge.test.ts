import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_ENVELOPE_BYTES, parseEnvelope, signStatement } from '../../src/identity/envelope.js';
import { MAX_GENESIS_BYTES, makeGenesis, parseGenesis } from '../../src/identity/genesis.js';
import { hashId } from '../../src/identity/ids.js';
import { Ledger } from '../../src/identity/ledger.js';
import { MAX_ROSTER_BYTES } from '../../src/identity/merge.js';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { type Claim, MAX_KEPT } from '../../src/identity/statements.js';
import { newNode } from './support.js';

let founder: NodeKey;
let ann: NodeKey;
let bob: NodeKey;
let ledger: Ledger;

beforeEach(async () => {
  [founder, ann, bob] = (await Promise.all([newNode(), newNode(), newNode()])).map(
    ({ key }) => key,
  ) as [NodeKey, NodeKey, NodeKey];
  ledger = Ledger.of(makeGenesis(founder.spki, 'attic', 'founder'), []);
});

function signed(key: NodeKey, claim: Claim, mesh = ledger.genesis.meshId): Buffer {
  return signStatement(key, mesh, claim).bytes;
}

function addOf(key: NodeKey, role: 'admin' | 'member' = 'member'): Claim {
  return { type: 'add', node: key.nodeId, role, name: 'node' };
}

function farewell(key: NodeKey, keep: string[] = []): Claim {
  return { type: 'revoke', node: key.nodeId, keep, recall: false };
}

describe('the statements of a mesh', () => {
  it('are kept verbatim, once each, in the order of their ids', () => {
    const statements = [signed(founder, addOf(ann)), signed(founder, addOf(bob))];
    const merged = ledger.merge(statements).merge(statements);
    expect(new Set(merged.statements().map(String))).toEqual(new Set(statements.map(String)));
    expect(merged.merge([])).toBe(merged);
    expect(merged.merge(statements)).toBe(merged);
    expect(ledger.merge(statements.toReversed()).digest()).toBe(merged.digest());
    expect(merged.digest()).not.toBe(ledger.digest());
  });

  it('may be authored by an admin whose own add comes later in the same set', () => {
    const merged = ledger.merge([signed(ann, addOf(bob)), signed(founder, addOf(ann, 'admin'))]);
    expect(merged.roster.members.has(bob.nodeId)).toBe(true);
  });

  it('drop what nobody with a say signed', () => {
    const set = [signed(founder, addOf(ann)), signed(ann, addOf(bob)), signed(bob, farewell(bob))];
    const merged = ledger.merge(set);
    expect(merged.statements()).toEqual(set.slice(0, 1));
  });

  it('hold the farewell of a node that is known, but no list that it has no right to', () => {
    const annIn = signed(founder, addOf(ann));
    const made = hashId(Buffer.from('x'));
    const merged = ledger.merge([
      annIn,
      signed(ann, farewell(ann)),
      signed(ann, farewell(ann, [made])),
    ]);
    expect(merged.statements()).toHaveLength(2);
    expect(merged.roster.revoked.has(ann.nodeId)).toBe(true);
  });

  it('keep a recall for the day it is acted upon', () => {
    const recall: Claim = { type: 'recall', target: { kind: 'node', id: ann.nodeId } };
    expect(ledger.merge([signed(founder, recall)]).statements()).toHaveLength(1);
  });

  it('are refused as a whole with a forged signature, and nothing of them is kept', () => {
    const genuine = JSON.parse(String(signed(founder, addOf(ann))));
    const other = JSON.parse(String(signed(founder, addOf(bob))));
    const forged = Buffer.from(JSON.stringify({ ...genuine, signature: other.signature }));
    expect(() => ledger.merge([signed(founder, addOf(bob)), forged])).toThrow('forged');
  });

  it('are refused when they belong to another mesh', () => {
    const foreign = signed(founder, addOf(ann), hashId(Buffer.from('elsewhere')));
    expect(() => ledger.merge([foreign])).toThrow('another mesh');
  });

  it('have at most 4 MiB', () => {
    const big = Buffer.alloc(MAX_ENVELOPE_BYTES, 'x');
    const flood = Array.from({ length: Math.ceil(MAX_ROSTER_BYTES / big.length) + 1 }, () => big);
    expect(() => ledger.merge(flood)).toThrow('roster of');
  });

  it('have at most 4 MiB together, when each set alone is smaller', () => {
    const keep = Array.from({ length: MAX_KEPT }, (_, i) => hashId(Buffer.from(`${i}`))).sort();
    const fill = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => {
        const kept = keep.filter((_, index) => index !== from + i);
        return signed(founder, { ...farewell(ann, kept) });
      });
    const half = ledger.merge(fill(0, 15));
    expect(half.statements()).toHaveLength(15);
    expect(() => half.merge(fill(15, 30))).toThrow('rosters that make');
  });
});

describe('reading a statement', () => {
  it('takes one spelling only', () => {
    const bytes = signed(founder, addOf(ann));
    const text = String(bytes);
    expect(parseEnvelope(bytes)?.isAuthentic()).toBe(true);
    const respelled = [
      text.replace('{', '{ '),
      text.replace('"payload"', '"p\\u0061yload"'),
      text.replace('{', '{"payload":"",'),
      `${text}\n`,
      text.replace(/==?"/, '"'),
    ];
    for (const other of respelled) expect(parseEnvelope(Buffer.from(other)), other).toBeUndefined();
  });

  it('refuses a payload with an extra, a missing or a repeated member', () => {
    const payloads = [
      (text: string) => text.replace('"name"', '"extra":1,"name"'),
      (text: string) => text.replace('"role":"member",', ''),
      (text: string) => text.replace('"role":"member"', '"role":"reader","role":"member"'),
      (text: string) => text.replace('"role":"member"', '"role":"root"'),
      (text: string) => text.replace('"type":"add"', '"type":"bless"'),
      (text: string) => text.replace('"name":"node"', '"name":"no\\u001b[2Jde"'),
      (text: string) => text.replace('"name":"node"', `"name":"${'n'.repeat(64)}"`),
    ];
    for (const change of payloads) {
      const { payload, signature } = JSON.parse(String(signed(founder, addOf(ann))));
      const text = Buffer.from(payload, 'base64').toString();
      const changed = change(text);
      expect(changed).not.toBe(text);
      const envelope = { payload: Buffer.from(changed).toString('base64'), signature };
      expect(parseEnvelope(Buffer.from(JSON.stringify(envelope)))).toBeUndefined();
    }
  });

  it('signs nothing that it would not read: unsorted, repeated or endless lists', () => {
    const [a, b] = [hashId(Buffer.from('a')), hashId(Buffer.from('b'))].sort();
    const lists = [
      [b, a],
      [a, a],
      Array.from({ length: MAX_KEPT + 1 }, (_, i) => hashId(Buffer.from(`${i}`))).sort(),
    ];
    for (const keep of lists) {
      expect(() => signed(founder, farewell(ann, keep as string[]))).toThrow(TypeError);
    }
    const most = lists[2]?.slice(1) as string[];
    expect(signed(founder, farewell(ann, most)).length).toBeLessThan(MAX_ENVELOPE_BYTES);
  });

  it('never throws, whatever it is given', () => {
    const genuine = signed(founder, addOf(ann));
    const json = fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)));
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
    const flipped = fc
      .tuple(fc.nat({ max: genuine.length - 1 }), fc.integer({ min: 1, max: 255 }))
      .map(([at, mask]) => {
        const copy = Buffer.from(genuine);
        copy[at] = (copy[at] ?? 0) ^ mask;
        return copy;
      });
    const wrapped = fc.jsonValue().map((value) => {
      const payload = Buffer.from(JSON.stringify(value)).toString('base64');
      return Buffer.from(
        JSON.stringify({ payload, signature: Buffer.alloc(64).toString('base64') }),
      );
    });
    fc.assert(
      fc.property(fc.oneof(json, bytes, flipped, wrapped), (input) => {
        const envelope = parseEnvelope(input);
        expect(envelope?.isAuthentic() ?? false).toBe(false);
      }),
      { numRuns: 3_000 },
    );
    expect(parseEnvelope(Buffer.from('['.repeat(100_000)))).toBeUndefined();
  });
});

describe('a genesis', () => {
  it('is the mesh: another name, founder or nonce is another mesh', () => {
    const [one, two] = [0, 1].map(() => makeGenesis(founder.spki, 'attic', 'founder'));
    expect(one?.meshId).not.toBe(two?.meshId);
    expect(parseGenesis(one?.bytes ?? Buffer.alloc(0))).toEqual(one);
  });

  it('is refused with a low-order founder, a strange name, or more bytes than it needs', () => {
    const identity = Buffer.from(`302a300506032b6570032100${'01'.padEnd(64, '0')}`, 'hex');
    expect(() => makeGenesis(identity, 'attic', 'founder')).toThrow(TypeError);
    expect(() => makeGenesis(founder.spki, 'at\ntic', 'founder')).toThrow(TypeError);
    expect(parseGenesis(Buffer.alloc(MAX_GENESIS_BYTES + 1, ' '))).toBeUndefined();
  });
});
