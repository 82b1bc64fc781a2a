import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import { packTree, type TreeEntry, unpackTree } from '../../src/pipeline/script/tree.js';
import { hasher, rootsFor } from '../keying/support.js';
import { always, mutated, mutatedJson } from './support.js';

const roots = rootsFor();
const OUT = '/home/alice/src/ws/target/out';
const entries: TreeEntry[] = [
  { path: 'gen', mode: 0o755, kind: 'dir' },
  { path: 'gen/a.rs', mode: 0o644, kind: 'file', size: 30, mtimeNs: 1n },
  { path: 'gen/b.o', mode: 0o755, kind: 'file', size: 9, mtimeNs: 2n },
  { path: 'link', mode: 0o777, kind: 'link', target: 'gen/a.rs' },
];
const contents: Record<string, Buffer> = {
  'gen/a.rs': Buffer.from('"/home/alice/src/ws/src/lib.rs'),
  'gen/b.o': Buffer.from('\0object\0\0'),
};
const tree = await packTree(entries, (path) => contents[path], roots, hasher);
if (typeof tree === 'string') throw new Error(tree);
const { blob } = tree;
const HEAD = 'vrift-tree 1\n'.length;

function withHeader(value: unknown): Buffer {
  const header = Buffer.from(JSON.stringify(value));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const content = blob.subarray(HEAD + 4 + blob.readUInt32LE(HEAD));
  return Buffer.concat([blob.subarray(0, HEAD), length, header, content]);
}

const header = JSON.parse(
  blob.toString('utf8', HEAD + 4, HEAD + 4 + blob.readUInt32LE(HEAD)),
) as object[];
const large = { path: 'big', mode: 0o644, kind: 'large', digest: hasher.hash('x'), size: 70_000 };

/** Puts nothing outside, through no link, with no bit beyond rwx, and no more than it holds. */
function isContained(bytes: Buffer): void {
  const pathOf = (digest: Digest) => (digest === large.digest ? '/store/x' : undefined);
  const ops = unpackTree({ bytes, path: '/store/tree', pathOf }, OUT, roots);
  if (ops === undefined) return;
  const links = ops.filter(({ op }) => op === 'symlink').map(({ to }) => `${to}/`);
  let written = 0;
  for (const op of ops) {
    expect(op.to === OUT || op.to.startsWith(`${OUT}/`)).toBe(true);
    expect(op.to).not.toMatch(/\/\.{1,2}(\/|$)|\0/);
    expect(op.to.length).toBeLessThan(OUT.length + 4_098);
    expect(links.some((link) => op.to.startsWith(link))).toBe(false);
    if ('mode' in op) expect(op.mode & ~0o777).toBe(0);
    if (op.op === 'slice') expect(op.offset + op.size).toBeLessThanOrEqual(bytes.length);
    if (op.op === 'slice') written += op.size;
    if (op.op === 'write') written += op.text.length / 50;
  }
  expect(written).toBeLessThanOrEqual(bytes.length);
}

/** A thousand files of the same megabyte, whose paths are to be put in. */
function manyOfOneText(): Buffer {
  const text = '/vr/ws/'.repeat(150_000);
  const files = Array.from({ length: 1_000 }, (_, index) => {
    return { path: `f${index}`, mode: 420, kind: 'file', at: 0, size: text.length, text: true };
  });
  return Buffer.concat([withHeader(files), Buffer.from(text)]);
}

const deepPath = withHeader([{ path: 'a/'.repeat(40_000).concat('b'), mode: 0o755, kind: 'dir' }]);

describe('the tree of a build script', () => {
  always('of any bytes stays inside, or is refused', mutated([blob]), isContained);

  always(
    'with any header stays inside, or is refused',
    mutatedJson([header, [...header, large]]).map(withHeader),
    isContained,
    { examples: [manyOfOneText(), deepPath] },
  );

  it.each([
    ['beyond bounds', { path: `${'a'.repeat(200)}/`.repeat(21).concat('b'), size: 30 }],
    ['beyond bounds', { path: 'link/x', size: 30 }],
    ['changed', { path: 'gen/a.rs', size: 31 }],
  ])('that nobody could unpack is not packed: %s', async (why, { path: name, size }) => {
    const file = { path: name, mode: 0o644, kind: 'file', size, mtimeNs: 1n } as const;
    const link = entries[3]!;
    const read = () => contents['gen/a.rs'];
    expect(await packTree([link, file], read, roots, hasher)).toBe(why);
  });

  const part = fc.constantFrom('..', '.', '', 'a', 'b', 'link', '\0', 'a\nb', '~');
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const kind = fc.constantFrom(
    { kind: 'dir' },
    { kind: 'link', target: '/etc' },
    { kind: 'file', at: 0, size: 1, text: false },
  );
  const mode = fc.constantFrom(0o644, 0o755, 0o4755, -1, 0.5);
  const entry = fc.tuple(path, mode, kind).map(([to, bits, what]) => {
    return { path: to, mode: bits, ...what };
  });
  always(
    'climbs nowhere by names and links',
    fc.array(entry, { maxLength: 5 }).map(withHeader),
    isContained,
  );
});
