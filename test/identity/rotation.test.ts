import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseMember } from '../../src/identity/chooseMember.js';
import { Membership } from '../../src/identity/membership.js';
import { NodeKey } from '../../src/identity/nodeKey.js';
import { finishRotation, nextKey, takeNextKey } from '../../src/identity/rotation.js';
import { foundMesh, newMember } from './support.js';

describe('a new key for a node', () => {
  it('is the same one until it is taken', async () => {
    const { dir, key } = await foundMesh();
    const next = await nextKey(dir);
    expect((await nextKey(dir)).nodeId).toBe(next.nodeId);
    expect((await NodeKey.open(dir)).nodeId).toBe(key.nodeId);
    takeNextKey(dir);
    expect((await NodeKey.open(dir)).nodeId).toBe(next.nodeId);
    expect(readdirSync(dir)).not.toContain('next');
  });

  it('is not taken before the old one is revoked', async () => {
    const { dir, key, membership } = await foundMesh();
    membership.add((await nextKey(dir)).spki, 'admin', 'attic');
    expect(await finishRotation(dir, key)).toBe(key);
    expect(readdirSync(join(dir, 'next'))).toEqual(['node.pem']);
  });

  it('is taken at the next start when a crash came after that', async () => {
    const { dir, key, membership } = await foundMesh();
    const next = await nextKey(dir);
    membership.add(next.spki, 'admin', 'attic');
    membership.revoke(key.nodeId, { keepAdded: true });
    const now = await finishRotation(dir, key);
    expect(now.nodeId).toBe(next.nodeId);
    const renewed = await Membership.open(dir, now);
    expect(renewed?.roleOf(next.nodeId)).toBe('admin');
    expect(await finishRotation(dir, now)).toBe(now);
  });

  it('is not taken by a node that was revoked and has none in the roster', async () => {
    const { membership } = await foundMesh();
    const bob = await newMember(membership);
    await nextKey(bob.dir);
    membership.revoke(bob.key.nodeId, { keepAdded: false });
    bob.membership.merge(membership.statements());
    expect(await finishRotation(bob.dir, bob.key)).toBe(bob.key);
  });
});

describe('a member that a person means', () => {
  const line = (node: string, name: string, revoked = false) => ({
    node,
    name,
    role: 'member',
    addedBy: null,
    revoked,
  });
  const members = [line('abcdefgh', 'ann'), line('abcdxxxx', 'bob'), line('old12345', 'bob', true)];

  it.each([
    ['ann', 'abcdefgh'],
    ['bob', 'abcdxxxx'],
    ['abcde', 'abcdefgh'],
    ['old1', 'old12345'],
  ])('by %s is %s', (wanted, node) => {
    expect(chooseMember(members, wanted).node).toBe(node);
  });

  it('is whose whole id is given, whatever others call themselves', () => {
    const [ann] = members;
    const imitating = [...members, line('zzzzzzzz', 'abcdefgh')];
    expect(chooseMember(imitating, 'abcdefgh')).toBe(ann);
  });

  it.each(['carol', 'abcd', 'abc', ''])('is not clear from %j', (wanted) => {
    expect(() => chooseMember(members, wanted)).toThrow(/no member|could be any/);
  });
});
