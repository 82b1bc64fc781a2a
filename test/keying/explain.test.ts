import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedParts } from '../../src/keying/explain.js';

const digest = (char: string) => char.repeat(64);

describe('what changed between two keys', () => {
  it('names the flag, the variable and the dependency', () => {
    const before = {
      arguments: ['--edition=2021', '-C opt-level=0'],
      env: { RUSTC_BOOTSTRAP: '1' },
      externs: [
        { name: 'a', identity: digest('1') },
        { name: 'b', identity: digest('2') },
      ],
      closure: [`x ${digest('5')}`, `y ${digest('6')}`],
    };
    const after = {
      arguments: ['--edition=2021', '-C opt-level=3'],
      env: {},
      externs: [
        { name: 'b', identity: digest('3') },
        { name: 'a', identity: digest('1') },
      ],
      closure: [`y ${digest('6')}`, `x ${digest('7')}`],
    };
    expect(changedParts(before, after)).toEqual([
      { input: 'arguments.1', before: '-C opt-level=0', after: '-C opt-level=3' },
      { input: 'env.RUSTC_BOOTSTRAP', before: '1', after: 'none' },
      { input: 'externs.b.identity', before: digest('2'), after: digest('3') },
      { input: 'closure.x', before: `x ${digest('5')}`, after: `x ${digest('7')}` },
    ]);
  });

  it('is nothing exactly when nothing differs', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (parts) => {
        expect(changedParts(parts, structuredClone(parts))).toEqual([]);
        expect(changedParts(parts, { ...parts, 'one more': 1 })).not.toEqual([]);
      }),
    );
  });
});
