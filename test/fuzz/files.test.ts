import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { archiveIdentity, memberNames } from '../../src/keying/archive.js';
import { parseDepInfo } from '../../src/keying/depInfo.js';
import { symbolsOf } from '../../src/keying/symbols.js';
import { packDepFile, unpackDepFile } from '../../src/pipeline/depFile.js';
import { fromBytes, toBytes } from '../../src/wire/bytes.js';
import { parseDistinct, parseObserved } from '../../src/wire/observed.js';
import { inProject } from '../harness/project.js';
import { hasher, rootsFor } from '../keying/support.js';
import { always, mutated } from './support.js';

const corpus = (name: string) => readFileSync(inProject('test/fuzz/corpus', name));

describe('an archive', () => {
  const samples = [corpus('two-members.a'), corpus('long-names.a')];
  const masks = new Set(['-0123456789abcdef']);

  always(
    'of any bytes has an identity, and names of bounded length',
    mutated(samples),
    (bytes) => {
      expect(archiveIdentity(bytes, masks, hasher)).toMatch(/^[0-9a-f]{64}$/);
      const names = memberNames(bytes);
      expect(names.length).toBeLessThanOrEqual(bytes.length / 60 + 1);
      expect(names.every((name) => name.length <= 4096)).toBe(true);
    },
    { examples: [manyIntoOneLongTable()] },
  );
});

/** Each member's name begins in the same table, which has no end of a line. */
function manyIntoOneLongTable(): Buffer {
  const head = (name: string, size: number) =>
    `${name.padEnd(48)}${String(size).padEnd(10)}\`\n`.padStart(60);
  const table = 'n'.repeat(2_000_000);
  const member = head('/1', 0);
  return Buffer.from(
    `!<arch>\n${head('//', table.length)}${table}${member.repeat(20_000)}`,
    'latin1',
  );
}

describe('a shared library', () => {
  const samples = [corpus('small.so')];

  always(
    'of any bytes has symbols or none',
    mutated(samples),
    (bytes) => {
      const symbols = symbolsOf(bytes);
      const names = [...(symbols?.imports ?? []), ...(symbols?.own ?? [])];
      expect(names.join('').length).toBeLessThanOrEqual(2 * bytes.length);
    },
    { examples: [manyNamesInOnePlace()] },
  );
});

/** Two hundred thousand symbols, each named by the same megabyte of text. */
function manyNamesInOnePlace(): Buffer {
  const count = 200_000;
  const strings = 64 + 2 * 64 + count * 24;
  const bytes = Buffer.alloc(strings + 1_000_000, 0x61);
  bytes.fill(0, 0, strings);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]).copy(bytes);
  bytes.writeBigUInt64LE(64n, 0x28);
  bytes.writeUInt16LE(64, 0x3a);
  bytes.writeUInt16LE(2, 0x3c);
  const section = (index: number, type: number, at: number, size: number) => {
    bytes.writeUInt32LE(type, 64 * (index + 1) + 4);
    bytes.writeBigUInt64LE(BigInt(at), 64 * (index + 1) + 0x18);
    bytes.writeBigUInt64LE(BigInt(size), 64 * (index + 1) + 0x20);
    bytes.writeUInt32LE(1, 64 * (index + 1) + 0x28);
  };
  section(0, 11, 64 + 2 * 64, count * 24);
  section(1, 3, strings, 1_000_000);
  return bytes;
}

describe('a dep-info file', () => {
  const roots = rootsFor();
  const outputs = [{ role: 'rlib', spelt: 'target/libx.rlib' }] as never;
  const env = new Map([['HOME', '/home/alice']]);
  const text = 'target/libx.rlib: src/lib.rs /home/alice/src/ws/a\\ b.rs\n\n# env-dep:HOME=/h\n';
  const packed = packDepFile(text, outputs, roots);

  always('of any text has inputs', mutated([Buffer.from(text)]), (bytes) => {
    const { inputs } = parseDepInfo(bytes.toString('utf8'));
    expect(inputs.join('').length).toBeLessThanOrEqual(bytes.length);
  });

  always(
    'from a peer is one line for each of its lines, or refused',
    mutated([packed]),
    (bytes) => {
      const unpacked = unpackDepFile(bytes, outputs, roots, env);
      if (unpacked === undefined) return;
      const { lines } = JSON.parse(bytes.toString('utf8')) as { lines: unknown[] };
      expect(unpacked.split('\n')).toHaveLength(Math.max(1, lines.length));
    },
    {
      examples: [
        '{"schema":1,"lines":[null]}',
        '{"schema":1,"lines":[{"words":5}]}',
        '{"schema":1,"lines":[{"words":[[5,0]]}]}',
        '{"schema":1,"lines":[{"words":[null]}]}',
        '{"schema":1,"lines":[{"env":{}}]}',
        '{"schema":1,"lines":[{"raw":"a: b\\nc: d"}]}',
        '{"schema":1,"lines":[{"words":[["a\\nb:",1]]}]}',
        'null',
      ].map((each) => Buffer.from(each)),
    },
  );
});

describe('a log of what a compiler looked at', () => {
  const log = Buffer.from('P10 1\0X10 /bin/cc\0r10 /a\0n11 /b\xff\0e10 HOME\0', 'latin1');
  const pause = async () => undefined;

  always('is taken as a whole or not at all', mutated([log]), async (bytes) => {
    const all = parseObserved(bytes);
    const distinct = await parseDistinct(bytes, pause);
    expect(distinct === undefined || all === undefined || distinct.length <= all.length).toBe(true);
  });

  always('gives back any bytes that its text stands for', fc.uint8Array(), (bytes) => {
    expect(toBytes(fromBytes(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
  });
});
