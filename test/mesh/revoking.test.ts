import { describe, expect, it } from 'vitest';
import { Invites } from '../../src/identity/invites.js';
import { unfinishedRotation } from '../../src/identity/rotation.js';
import { addedByMember, renewKey, revokeMember } from '../../src/mesh/revoking.js';
import { foundMesh, newMember } from '../identity/support.js';

const quiet = { recall: false, force: false };

/** A founder, an admin that it added, and one whom that admin added. */
async function meshOfThree() {
  const founder = await foundMesh();
  const ann = await newMember(founder.membership, 'admin');
  const bob = await newMember(ann.membership);
  founder.membership.merge(ann.membership.statements());
  const { membership, key } = founder;
  return { founder, ann, bob, by: { membership, self: key.nodeId, spread: async () => 1 } };
}

describe('a revoke', () => {
  it('keeps whom the person was shown, and not whom the revoked one added meanwhile', async () => {
    const { founder, ann, bob, by } = await meshOfThree();
    const { added: shown } = addedByMember(founder.membership, ann.key.nodeId);
    expect(shown).toMatchObject([{ node: bob.key.nodeId, role: 'member' }]);
    const puppet = await newMember(ann.membership);
    founder.membership.merge(ann.membership.statements());
    const done = await revokeMember(by, ann.key.nodeId, {
      ...quiet,
      keepAdded: true,
      shown: shown.map(({ statement }) => statement),
    });
    expect(founder.membership.isMember(bob.key.nodeId)).toBe(true);
    expect(founder.membership.isMember(puppet.key.nodeId)).toBe(false);
    expect(done.kept.map(({ node }) => node)).toEqual([bob.key.nodeId]);
    expect(done.dropped.map(({ node }) => node)).toEqual([puppet.key.nodeId]);
  });

  it('drops whoever came when nobody was there to be shown', async () => {
    const { founder, bob, by } = await meshOfThree();
    const cat = await newMember(founder.membership, 'admin');
    const puppet = await newMember(cat.membership);
    founder.membership.merge(cat.membership.statements());
    await revokeMember(by, cat.key.nodeId, { ...quiet, keepAdded: true, shown: [] });
    expect(founder.membership.isMember(puppet.key.nodeId)).toBe(false);
    expect(founder.membership.isMember(bob.key.nodeId)).toBe(true);
  });

  it('keeps all with --keep-added, and none with --drop-added', async () => {
    for (const keepAdded of [true, false]) {
      const { founder, ann, bob, by } = await meshOfThree();
      await revokeMember(by, ann.key.nodeId, { ...quiet, keepAdded, shown: undefined });
      expect(founder.membership.isMember(bob.key.nodeId)).toBe(keepAdded);
    }
  });

  it('asks what becomes of them, with their ids, and does nothing yet', async () => {
    const { founder, ann, bob, by } = await meshOfThree();
    const asked = revokeMember(by, ann.key.nodeId, {
      ...quiet,
      keepAdded: undefined,
      shown: undefined,
    });
    await expect(asked).rejects.toThrow(bob.key.nodeId.slice(0, 8));
    await expect(asked).rejects.toMatchObject({ code: 'VRIFT_USAGE' });
    expect(founder.membership.isMember(ann.key.nodeId)).toBe(true);
  });
});

describe('a new key that nobody hears of', () => {
  it('is not taken; that it waits is told until the rotation has ended', async () => {
    const { founder, ann } = await meshOfThree();
    const { membership, dir, key } = founder;
    const node = { dir, self: key.nodeId, name: 'founder', invites: await Invites.open(dir) };
    expect(unfinishedRotation(dir)).toBeUndefined();
    const alone = renewKey(membership, { ...node, spread: async () => 0 });
    await expect(alone).rejects.toMatchObject({ code: 'VRIFT_MESH_FORBIDDEN' });
    expect(membership.isMember(key.nodeId)).toBe(true);
    expect(unfinishedRotation(dir)).toMatchObject({ code: 'VRIFT_ROTATION_UNFINISHED' });
    await renewKey(membership, { ...node, spread: async () => 1 });
    expect(unfinishedRotation(dir)).toBeUndefined();
    expect(membership.isRevoked(key.nodeId)).toBe(true);
    expect(membership.isMember(ann.key.nodeId)).toBe(true);
    // One new key, not one for each try.
    expect(membership.members().filter(({ revoked }) => !revoked)).toHaveLength(3);
  });

  it('is not made for a node that added more than one revoke can keep', async () => {
    const { founder } = await meshOfThree();
    expect(() => founder.membership.assertMayKeepAll(founder.key.nodeId, 2_048)).toThrow(
      'more than one revoke can keep',
    );
  });
});
