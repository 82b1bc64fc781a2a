import { existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Membership } from '../../src/identity/membership.js';
import { NodeKey } from '../../src/identity/nodeKey.js';
import { failureOf, foundMesh, meet, newMember, newNode } from './support.js';

describe('a mesh on disk', () => {
  it('is not there until one is founded', async () => {
    const { dir, key } = await newNode();
    expect(await Membership.open(dir, key)).toBeUndefined();
  });

  it('survives a restart with its members, secret and name', async () => {
    const { dir, key, membership } = await foundMesh('Büro 3');
    const ann = await newMember(membership);
    const again = await Membership.open(dir, key);
    expect(again?.name).toBe('Büro 3');
    expect(again?.meshId).toBe(membership.meshId);
    expect(again?.secret).toEqual(membership.secret);
    expect(again?.rosterDigest()).toBe(membership.rosterDigest());
    expect(again?.isMember(ann.key.nodeId)).toBe(true);
    expect(membership.secret).toHaveLength(32);
  });

  it('is readable by its owner alone, and leaves no temporary files', async () => {
    const { dir, membership } = await foundMesh();
    await newMember(membership);
    expect(readdirSync(dir).sort()).toEqual(['mesh.json', 'node.pem', 'roster.json']);
    for (const file of readdirSync(dir)) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
  });

  it.each(['mesh.json', 'roster.json'])('is never made anew when %s is damaged', async (file) => {
    const { dir, key, membership } = await foundMesh();
    await newMember(membership);
    truncateSync(join(dir, file), 20);
    await expect(Membership.open(dir, key)).rejects.toMatchObject({ code: 'VRIFT_MESH_DAMAGED' });
  });

  it('does not open without its roster: revocations would be forgotten', async () => {
    const { dir, key } = await foundMesh();
    rmSync(join(dir, 'roster.json'));
    await expect(Membership.open(dir, key)).rejects.toMatchObject({ code: 'VRIFT_MESH_DAMAGED' });
    writeFileSync(join(dir, 'roster.json'), '{"statements":["x"]}', { mode: 0o600 });
    await expect(Membership.open(dir, key)).rejects.toMatchObject({ code: 'VRIFT_MESH_DAMAGED' });
  });

  it('is one at a time', async () => {
    const { dir, key } = await foundMesh();
    await expect(Membership.create(dir, key, 'cellar', 'me')).rejects.toMatchObject({
      code: 'VRIFT_MESH_MEMBER',
    });
  });
});

describe('members', () => {
  it('are shown with name, role and who added them', async () => {
    const { key, membership } = await foundMesh();
    const ann = await newNode();
    membership.add(ann.key.spki, 'ci', 'build-7');
    expect(membership.members()).toEqual([
      { node: ann.key.nodeId, name: 'build-7', role: 'ci', addedBy: key.nodeId, revoked: false },
      { node: key.nodeId, name: 'founder', role: 'admin', addedBy: null, revoked: false },
    ]);
    membership.revoke(ann.key.nodeId, { keepAdded: true });
    expect(membership.members().at(-1)).toMatchObject({ name: 'build-7', revoked: true });
    expect(membership.roleOf(ann.key.nodeId)).toBeUndefined();
  });

  it('are added once, however often and under whatever name', async () => {
    const { membership } = await foundMesh();
    const { key } = await newNode();
    membership.add(key.nodeId, 'member', 'one');
    const digest = membership.rosterDigest();
    membership.add(key.spki, 'member', 'two');
    expect(membership.rosterDigest()).toBe(digest);
    membership.add(key.nodeId, 'ci', 'one');
    expect([...membership.rolesOf(key.nodeId)].sort()).toEqual(['ci', 'member']);
    expect(membership.roleOf(key.nodeId)).toBe('member');
  });

  it('cannot add or remove unless they are admins', async () => {
    const { key, membership } = await foundMesh();
    const ann = await newMember(membership);
    const forbidden = { code: 'VRIFT_MESH_FORBIDDEN' };
    const added = await failureOf(() => ann.membership.add(ann.key.nodeId, 'admin', 'ann'));
    expect(added).toMatchObject(forbidden);
    const revoked = await failureOf(() => ann.membership.revoke(key.nodeId, { keepAdded: false }));
    expect(revoked).toMatchObject(forbidden);
  });

  it('never come back once revoked', async () => {
    const { membership } = await foundMesh();
    const ann = await newMember(membership);
    membership.revoke(ann.key.nodeId, { keepAdded: false });
    const failure = await failureOf(() => membership.add(ann.key.nodeId, 'member', 'ann'));
    expect(failure).toMatchObject({ code: 'VRIFT_MESH_FORBIDDEN' });
    expect(membership.isRevoked(ann.key.nodeId)).toBe(true);
  });

  it('learn of changes from whoever they meet, and tell those who listen', async () => {
    const { membership } = await foundMesh();
    const [ann, bob] = [await newMember(membership), await newMember(membership)];
    const heard = vi.fn();
    const stop = bob.membership.onChange(heard);
    membership.revoke(ann.key.nodeId, { keepAdded: false });
    meet(membership, bob.membership);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(bob.membership.isMember(ann.key.nodeId)).toBe(false);
    expect(bob.membership.rosterDigest()).toBe(membership.rosterDigest());
    expect(bob.membership.merge(membership.statements())).toBe(false);
    stop();
    await newMember(membership);
    meet(membership, bob.membership);
    expect(heard).toHaveBeenCalledTimes(1);
  });
});

describe('revoking an admin', () => {
  it('drops or keeps what it added, as the revoke says', async () => {
    for (const keepAdded of [true, false]) {
      const { membership } = await foundMesh();
      const ann = await newMember(membership, 'admin');
      const bob = await newMember(ann.membership);
      membership.merge(ann.membership.statements());
      expect(membership.addedBy(ann.key.nodeId).map(({ node }) => node)).toEqual([bob.key.nodeId]);
      membership.revoke(ann.key.nodeId, { keepAdded });
      expect(membership.isMember(bob.key.nodeId)).toBe(keepAdded);
    }
  });

  it('always keeps the adds that the revoker hangs on', async () => {
    const founder = await foundMesh();
    const ann = await newMember(founder.membership, 'admin');
    const bob = await newMember(ann.membership, 'admin');
    const cat = await newMember(bob.membership, 'admin');
    const dan = await newMember(ann.membership, 'member');
    meet(cat.membership, dan.membership);
    // Cat was added by Bob, and Bob by Ann.
    cat.membership.revoke(ann.key.nodeId, { keepAdded: false });
    expect(cat.membership.isMember(cat.key.nodeId)).toBe(true);
    expect(cat.membership.isMember(bob.key.nodeId)).toBe(true);
    expect(cat.membership.isMember(dan.key.nodeId)).toBe(false);
    // The founder hangs on nobody.
    founder.membership.merge(dan.membership.statements());
    founder.membership.revoke(ann.key.nodeId, { keepAdded: false });
    expect(founder.membership.isMember(bob.key.nodeId)).toBe(false);
  });

  it('works on the founder too', async () => {
    const founder = await foundMesh();
    const ann = await newMember(founder.membership, 'admin');
    const bob = await newMember(founder.membership, 'member');
    meet(ann.membership, bob.membership);
    ann.membership.revoke(founder.key.nodeId, { keepAdded: false });
    expect(ann.membership.roleOf(ann.key.nodeId)).toBe('admin');
    expect(ann.membership.isMember(founder.key.nodeId)).toBe(false);
    expect(ann.membership.isMember(bob.key.nodeId)).toBe(false);
  });

  it('needs force for the last one', async () => {
    const { key, membership } = await foundMesh();
    const ann = await newMember(membership);
    const failure = await failureOf(() => membership.revoke(key.nodeId, { keepAdded: true }));
    expect(failure).toMatchObject({ code: 'VRIFT_MESH_FORBIDDEN' });
    membership.revoke(key.nodeId, { keepAdded: true, force: true });
    expect(membership.isMember(key.nodeId)).toBe(false);
    expect(membership.isMember(ann.key.nodeId)).toBe(true);
  });

  it('says which node is unknown', async () => {
    const { membership } = await foundMesh();
    const { key } = await newNode();
    const failure = await failureOf(() => membership.revoke(key.nodeId, { keepAdded: true }));
    expect(failure).toMatchObject({ code: 'VRIFT_USAGE' });
  });
});

describe('leaving', () => {
  it('tells the others, then forgets mesh and key', async () => {
    const { membership } = await foundMesh();
    const ann = await newMember(membership);
    await ann.membership.leave({
      announce: async () => void membership.merge(ann.membership.statements()),
    });
    expect(membership.isRevoked(ann.key.nodeId)).toBe(true);
    expect(readdirSync(ann.dir)).toEqual([]);
    const key = await NodeKey.open(ann.dir);
    expect(key.nodeId).not.toBe(ann.key.nodeId);
    expect(await Membership.open(ann.dir, key)).toBeUndefined();
  });

  it('goes through even when nobody can be told', async () => {
    const { membership } = await foundMesh();
    const ann = await newMember(membership);
    const announce = () => Promise.reject(new Error('nobody there'));
    await expect(ann.membership.leave({ announce })).rejects.toThrow('nobody there');
    expect(readdirSync(ann.dir)).toEqual([]);
  });

  it('keeps the key of a mesh of one, which nobody has seen revoked', async () => {
    const { dir, key, membership } = await foundMesh();
    await membership.leave();
    expect(existsSync(join(dir, 'mesh.json'))).toBe(false);
    expect((await NodeKey.open(dir)).nodeId).toBe(key.nodeId);
  });

  it('asks for force from the last admin, and then changes nothing', async () => {
    const { dir, membership } = await foundMesh();
    await newMember(membership);
    const digest = membership.rosterDigest();
    await expect(membership.leave()).rejects.toMatchObject({ code: 'VRIFT_MESH_FORBIDDEN' });
    expect(membership.rosterDigest()).toBe(digest);
    await membership.leave({ force: true });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('keeps the members that the leaving admin added', async () => {
    const { membership } = await foundMesh();
    const ann = await newMember(membership, 'admin');
    const bob = await newMember(ann.membership);
    await ann.membership.leave({
      announce: async () => void bob.membership.merge(ann.membership.statements()),
    });
    expect(bob.membership.isMember(bob.key.nodeId)).toBe(true);
  });

  it('also works for a node that was shut out, and destroys its key', async () => {
    const { membership } = await foundMesh();
    const ann = await newMember(membership);
    membership.revoke(ann.key.nodeId, { keepAdded: true });
    ann.membership.merge(membership.statements());
    await ann.membership.leave();
    expect(readdirSync(ann.dir)).toEqual([]);
  });
});

describe('a welcome', () => {
  it('is refused when it is another mesh’s, or does not admit the newcomer', async () => {
    const [attic, cellar] = [await foundMesh(), await foundMesh('cellar')];
    const ann = await newNode();
    const { genesis, secret } = attic.membership;
    const statements = attic.membership.statements();
    const accept = (meshId: string) =>
      Membership.accept(ann.dir, ann.key, { meshId, genesis, secret, statements });
    await expect(accept(cellar.membership.meshId)).rejects.toMatchObject({
      code: 'VRIFT_TOKEN_FOREIGN',
    });
    await expect(accept(attic.membership.meshId)).rejects.toMatchObject({
      code: 'VRIFT_JOIN_REFUSED',
    });
    expect(readdirSync(ann.dir)).toEqual(['node.pem']);
  });

  it('replaces a mesh of one, and no other', async () => {
    const [attic, cellar] = [await foundMesh(), await foundMesh('cellar')];
    attic.membership.add(cellar.key.nodeId, 'member', 'cellar');
    const { meshId, genesis, secret } = attic.membership;
    const welcome = { meshId, genesis, secret, statements: attic.membership.statements() };
    const joined = await Membership.accept(cellar.dir, cellar.key, welcome);
    expect((await Membership.open(cellar.dir, cellar.key))?.meshId).toBe(joined.meshId);
    const third = await foundMesh('loft');
    third.membership.add(cellar.key.nodeId, 'member', 'cellar');
    const other = third.membership;
    await expect(
      Membership.accept(cellar.dir, cellar.key, {
        meshId: other.meshId,
        genesis: other.genesis,
        secret: other.secret,
        statements: other.statements(),
      }),
    ).rejects.toMatchObject({ code: 'VRIFT_MESH_MEMBER' });
  });
});
