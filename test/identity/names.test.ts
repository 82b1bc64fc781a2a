import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isName, toName } from '../../src/identity/names.js';

describe('names', () => {
  it('are what people call machines', () => {
    for (const name of ['attic', 'Büro 3', "ann's-mac.local", 'build_7', '東京']) {
      expect(isName(name), name).toBe(true);
    }
  });

  it('cannot move a cursor, hide, or grow', () => {
    const bad = ['', ' attic', 'attic ', '-', 'a\u001b[2Jb', 'a\nb', 'a\u202eb', 'a\u200bb', 'a/b'];
    for (const name of [...bad, 'x'.repeat(64), 'é'.normalize('NFD')]) {
      expect(isName(name), JSON.stringify(name)).toBe(false);
    }
    expect(isName(7)).toBe(false);
  });

  it('are made from whatever a host is called', () => {
    expect(toName('Ann’s MacBook Pro (2)')).toBe('Ann-s MacBook Pro -2');
    expect(toName('***')).toBe('node');
    const text = fc.array(fc.nat({ max: 0x10ffff }), { maxLength: 200 });
    const named = text.map((points) => toName(String.fromCodePoint(...points)));
    fc.assert(fc.property(named, (name) => isName(name)));
  });
});
