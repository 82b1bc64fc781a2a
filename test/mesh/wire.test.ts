import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBlocks, encodeBlocks } from '../../src/wire/blocks.js';
import { checkFindReply, checkHello } from '../../src/wire/http.js';
import { decodeTxt, encodeTxt } from '../../src/wire/txt.js';
import { makeUnit } from './support.js';

const block = fc.option(
  fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  { nil: undefined },
);

describe('blocks', () => {
  it('come back as they were sent', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 20 }), (blocks) => {
        expect(decodeBlocks(encodeBlocks(blocks), 20)).toEqual(blocks);
      }),
    );
  });

  it('of any bytes are read or refused, never more than there are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const blocks = decodeBlocks(Buffer.from(bytes), 5) ?? [];
        const length = blocks.reduce((sum, one) => sum + 4 + (one?.length ?? 0), 0);
        expect(blocks.length).toBeLessThanOrEqual(5);
        expect(length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe('what peers say', () => {
  it('may be any JSON: it fits or there is a reason', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        for (const checked of [checkFindReply(value), checkHello(value)]) {
          expect(checked.ok || checked.reason.length > 0).toBe(true);
        }
      }),
    );
  });

  it('fits only as a whole: each member changed is a reason', () => {
    const { manifest, result } = makeUnit('a', [Buffer.from('x'), Buffer.from('y')]);
    const sound = JSON.parse(JSON.stringify({ manifest, result, attestations: [] }));
    expect(checkFindReply({ found: [[sound]] }).ok).toBe(true);
    for (const part of ['manifest', 'result'] as const) {
      for (const name of Object.keys(sound[part])) {
        for (const value of [undefined, null, -1, 'x', {}, [7], Number.NaN]) {
          const changed = { ...sound, [part]: { ...sound[part], [name]: value } };
          const isText = value === 'x' && ['target', 'crateName'].includes(name);
          const isUnwatched = value === null && name === 'observed';
          expect([name, value, checkFindReply({ found: [[changed]] }).ok]).toEqual([
            name,
            value,
            isText || isUnwatched,
          ]);
        }
      }
      const more = { ...sound, [part]: { ...sound[part], more: 1 } };
      expect(checkFindReply({ found: [[more]] })).toEqual({
        ok: false,
        reason: `found[0][0].${part}: unknown member`,
      });
    }
  });

  it('of themselves by multicast comes back as it was sent', () => {
    const txt = { version: 1, salt: 'abcdefghijklmnop', tag: 'ABCDEFGHIJKLMNOPQRSTUV' };
    expect(decodeTxt(encodeTxt(txt))).toEqual(txt);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('v', 's', 't'), fc.string()), (record) => {
        const read = decodeTxt(record);
        expect(read === undefined || read.tag === record.t).toBe(true);
      }),
    );
    for (const other of [undefined, null, 'x', [], { v: '1' }, { ...encodeTxt(txt), v: 'x' }]) {
      expect(decodeTxt(other)).toBeUndefined();
    }
  });
});
