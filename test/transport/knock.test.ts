import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeText, parseCode } from '../../src/identity/knockCode.js';
import { until } from '../harness/programs.js';
import { newNode } from '../identity/support.js';
import { rawKnock, startAdmin, startNewcomer } from './knockSupport.js';

describe('knocking', () => {
  it('lets in the one whose code an admin types, on both sides', async () => {
    const admin = await startAdmin();
    const ann = await startNewcomer([admin]);
    expect(admin.knocks.list()).toMatchObject([
      { node: ann.key.nodeId, name: 'ann-laptop', address: expect.stringContaining('127.0.0.1') },
    ]);
    expect(await admin.knocks.approve(ann.code, 'ci')).toMatchObject({ node: ann.key.nodeId });
    const joined = await ann.joined;
    expect(joined.meshId).toBe(admin.membership.meshId);
    expect(joined.secret).toEqual(admin.membership.secret);
    expect(joined.roleOf(ann.key.nodeId)).toBe('ci');
    expect(admin.membership.roleOf(ann.key.nodeId)).toBe('ci');
    expect(admin.knocks.list()).toEqual([]);
    await until('the outcome', () => admin.outcomes.some(({ kind }) => kind === 'joined'));
  });

  it('at several admins is answered by whichever types the code', async () => {
    const [one, other] = [await startAdmin(), await startAdmin()];
    const ann = await startNewcomer([other, one], {
      mesh: { id: one.membership.meshId, name: one.membership.name },
    });
    await one.knocks.approve(ann.code, 'member');
    expect((await ann.joined).meshId).toBe(one.membership.meshId);
    await until('the end of the other knock', () => other.knocks.list().length === 0);
  });

  it('is told apart by the code, whatever the newcomers call themselves', async () => {
    const admin = await startAdmin();
    const [ann, eve] = [await startNewcomer([admin]), await startNewcomer([admin])];
    expect(ann.code).not.toBe(eve.code);
    await admin.knocks.approve(ann.code, 'member');
    await ann.joined;
    expect(admin.membership.isMember(eve.key.nodeId)).toBe(false);
    expect(admin.knocks.list().map(({ node }) => node)).toEqual([eve.key.nodeId]);
  });

  it('with another code adds nobody, and the right one still does', async () => {
    const admin = await startAdmin();
    const ann = await startNewcomer([admin]);
    await expect(admin.knocks.approve('00000000', 'member')).rejects.toMatchObject({
      code: 'VRIFT_KNOCK_NONE',
    });
    expect(admin.membership.members()).toHaveLength(1);
    await admin.knocks.approve(ann.code, 'member');
    await ann.joined;
  });

  it('leaves nothing behind when it is given up, denied, or too old', async () => {
    const admin = await startAdmin({ knockMs: 1_500 });
    const left = await startNewcomer([admin]);
    left.cancel();
    await expect(left.joined).rejects.toThrow('given up');
    await until('its end', () => admin.knocks.list().length === 0);
    const denied = await startNewcomer([admin]);
    expect(admin.knocks.deny('ann-laptop')).toHaveLength(1);
    await expect(denied.joined).rejects.toMatchObject({ code: 'VRIFT_JOIN_REFUSED' });
    const old = await startNewcomer([admin], { knockMs: 1_000 });
    await expect(old.joined).rejects.toMatchObject({ code: 'VRIFT_KNOCK_UNANSWERED' });
    for (const { dir } of [left, denied, old]) expect(readdirSync(dir)).toEqual(['node.pem']);
    expect(admin.membership.members()).toHaveLength(1);
  });

  it('is not denied by a name that several have', async () => {
    const admin = await startAdmin();
    const [ann, eve] = [await startNewcomer([admin]), await startNewcomer([admin])];
    expect(() => admin.knocks.deny('ann-laptop')).toThrow(eve.key.nodeId.slice(0, 12));
    expect(admin.knocks.list()).toHaveLength(2);
    expect(admin.knocks.deny(eve.key.nodeId.slice(0, 12))).toHaveLength(1);
    await expect(eve.joined).rejects.toMatchObject({ code: 'VRIFT_JOIN_REFUSED' });
    await admin.knocks.approve(ann.code, 'member');
    await ann.joined;
  });

  it('ends at the admin after its time, if the newcomer does not end it', async () => {
    const admin = await startAdmin({ knockMs: 500 });
    const { heard, socket } = await rawKnock(admin, (await newNode()).key);
    expect(heard).toEqual({ kind: 'waiting' });
    await until('its end', () => socket.destroyed && admin.knocks.list().length === 0);
  });

  it('is possible for a key once at a time: trying again makes a new code', async () => {
    const admin = await startAdmin();
    const first = await startNewcomer([admin]);
    const again = await startNewcomer([admin], { node: first });
    await expect(first.joined).rejects.toMatchObject({ code: 'VRIFT_JOIN_REFUSED' });
    await admin.knocks.approve(again.code, 'member');
    await again.joined;
  });
});

describe('a code', () => {
  it.each([
    ['4f7k-9qxm', '4F7K9QXM'],
    [' 4F7K 9QXM ', '4F7K9QXM'],
    ['oil0-1111', '01101111'],
  ])('is understood as people type it: %s', (typed, code) => {
    expect(parseCode(typed)).toBe(code);
  });

  it.each(['', '4F7K-9QX', '4F7K-9QXMM', '4F7K-9QXU', 'ÄF7K-9QXM'])('is not %j', (typed) => {
    expect(parseCode(typed)).toBeUndefined();
  });

  it('is shown in two halves', () => {
    expect(codeText('4F7K9QXM')).toBe('4F7K-9QXM');
  });
});
