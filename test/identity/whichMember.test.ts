import { describe, expect, it } from 'vitest';
import { whichMember } from '../../src/identity/whichMember.js';
import { ACTORS } from './histories.js';

const members = ACTORS.map((node, at) => ({
  node,
  name: at < 2 ? 'twin' : `name ${at}`,
  role: 'member',
  addedBy: null,
  revoked: at === 3,
}));

describe('a member that a person means', () => {
  it('is found by id, by the start of an id, and by a name of its own', () => {
    for (const { node } of members) {
      expect(whichMember(members, node)).toBe(node);
      expect(whichMember(members, node.slice(0, 8))).toBe(node);
    }
    expect(whichMember(members, 'name 3')).toBe(ACTORS[3]);
  });

  it('is never guessed', () => {
    expect(() => whichMember(members, 'twin')).toThrow(/several members are called twin/);
    for (const text of ['name', '', ACTORS[2]!.slice(0, 3), 'a'.repeat(52)]) {
      expect(() => whichMember(members, text)).toThrow(/no member/);
    }
  });
});
