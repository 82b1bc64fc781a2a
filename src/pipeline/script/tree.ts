import { type Digest, type Hasher, isDigest } from '../../base/digest.js';
import type { Roots } from '../../keying/roots.js';
import { holdsPath } from '../../keying/scan.js';
import type { RestoreOp } from '../../wire/launcher.js';
import { expandMessages } from '../messages.js';
import { Slices } from './slices.js';

/** One thing below an OUT_DIR. Paths are relative and hold surrogate escapes (wire/bytes.ts). */
export type TreeEntry = { path: string; mode: number } & (
  | { kind: 'dir' }
  | { kind: 'link'; target: string }
  | { kind: 'file'; size: number; mtimeNs: bigint }
);

type Packed = { path: string; mode: number } & (
  | { kind: 'dir' }
  | { kind: 'link'; target: string }
  /** `text`: its paths are names, which the reader puts its own paths for. */
  | { kind: 'file'; at: number; size: number; text: boolean }
  /** A blob of its own: other trees, and other runs of the same script, have the same. */
  | { kind: 'large'; digest: Digest; size: number }
);

export interface PackedTree {
  blob: Buffer;
  /** Contents that are blobs of their own, each once. */
  large: Map<Digest, Buffer>;
  /** Real prefixes that stand in files whose length must not change. */
  found: Set<string>;
}

/** From here on a file is worth a blob. */
const LARGE_BYTES = 64 * 1024;
/** Peers take no more outputs of one result than 4,096. */
const MAX_LARGE = 2_000;

/** Text whose paths are to be put in travels in the answer to the launcher. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
/** Elsewhere directories have longer names. */
const MAX_EXPANDED_CHARS = 24 * 1024 * 1024;
const MAX_ENTRIES = 200_000;
const MAX_PATH_CHARS = 4096;

const MAGIC = Buffer.from('vrift-tree 1\n');
const LENGTH_BYTES = 4;

/**
 * Packs a directory into one blob: a header of JSON, in the order in which the files were written, so
 * that they come back in that order, then the contents of small ones.
 *
 * @param read content of a file of the tree; undefined when it is gone
 * @returns `changed` when something did meanwhile; `beyond bounds` when nobody would unpack it
 */
export async function packTree(
  entries: readonly TreeEntry[],
  read: (path: string) => Buffer | undefined,
  roots: Roots,
  hasher: Hasher,
): Promise<PackedTree | 'changed' | 'beyond bounds'> {
  if (entries.length > MAX_ENTRIES || entries.some(({ path }) => path.length > MAX_PATH_CHARS)) {
    return 'beyond bounds';
  }
  const slices = new Slices();
  const found = new Set<string>();
  const contents: Buffer[] = [];
  const large = new Map<Digest, Buffer>();
  const packed: Packed[] = [];
  let at = 0;
  let textRoom = MAX_TEXT_BYTES;
  for (const entry of inOrder(entries)) {
    await slices.pause();
    const { path, mode } = entry;
    if (entry.kind === 'dir') packed.push({ path, mode, kind: 'dir' });
    else if (entry.kind === 'link') {
      packed.push({ path, mode, kind: 'link', target: roots.map(entry.target) });
    } else {
      const bytes = read(path);
      if (bytes?.length !== entry.size) return 'changed';
      const mapped = mapContent(bytes, roots, found, textRoom);
      if (mapped === undefined && bytes.length >= LARGE_BYTES && large.size < MAX_LARGE) {
        const digest = hasher.hash(bytes);
        large.set(digest, bytes);
        packed.push({ path, mode, kind: 'large', digest, size: bytes.length });
        continue;
      }
      const content = mapped ?? bytes;
      contents.push(content);
      if (mapped !== undefined) textRoom -= Math.max(mapped.length, bytes.length);
      packed.push({
        path,
        mode,
        kind: 'file',
        at,
        size: content.length,
        text: mapped !== undefined,
      });
      at += content.length;
    }
  }
  const header = Buffer.from(JSON.stringify(packed), 'utf8');
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(header.length);
  const blob = Buffer.concat([MAGIC, length, header, ...contents]);
  return open(blob) === undefined ? 'beyond bounds' : { blob, large, found };
}

/** Directories first, parents before what is in them; files by their times. */
function inOrder(entries: readonly TreeEntry[]): TreeEntry[] {
  const time = (entry: TreeEntry) => (entry.kind === 'file' ? entry.mtimeNs : 0n);
  const rank = { dir: 0, file: 1, link: 2 };
  return entries.toSorted((a, b) => {
    if (a.kind !== b.kind) return rank[a.kind] - rank[b.kind];
    if (time(a) !== time(b)) return time(a) < time(b) ? -1 : 1;
    return a.path < b.path ? -1 : 1;
  });
}

/**
 * The content with names for paths, where that is text and the way back gives the same bytes.
 * Otherwise what it holds is added to `found`.
 *
 * @param room bytes that such text may have
 */
function mapContent(
  bytes: Buffer,
  roots: Roots,
  found: Set<string>,
  room: number,
): Buffer | undefined {
  const held = heldIn(bytes, roots);
  const addFound = () => {
    for (const { real } of held) found.add(real);
    return undefined;
  };
  if (held.length === 0) return undefined;
  if (bytes.length <= room && !bytes.includes(0)) {
    const text = bytes.toString('utf8');
    const mapped = roots.mapText(text);
    // A name may be longer than its path.
    if (Buffer.byteLength(mapped) > room) return addFound();
    const isWhole = expandMessages(mapped, roots) === text && Buffer.from(text).equals(bytes);
    if (isWhole && held.every(({ real }) => !holdsPath(Buffer.from(mapped), [real]))) {
      return Buffer.from(mapped);
    }
  }
  return addFound();
}

/** A file that does not hold a directory's path holds nothing below it either. */
function heldIn(bytes: Buffer, roots: Roots): readonly { name: string; real: string }[] {
  const all = roots.spellings();
  const isInner = (real: string) =>
    all.some(
      (outer) =>
        real !== outer.real && outer.real.indexOf('/', 1) > 0 && real.startsWith(outer.real),
    );
  const holds = ({ real }: { real: string }) => holdsPath(bytes, [real]) !== undefined;
  const outermost = all.filter(({ real }) => !isInner(real));
  return outermost.some(holds) ? all.filter(holds) : [];
}

/**
 * What the launcher has to do to put a packed tree into an OUT_DIR.
 *
 * @param blob the packed tree's bytes, where they lie in a file, and where its large files do
 * @returns undefined when it is none, or names anything outside
 */
export function unpackTree(
  blob: {
    bytes: Buffer;
    path: string;
    pathOf: (large: Digest, size: number) => string | undefined;
  },
  outDir: string,
  roots: Roots,
): RestoreOp[] | undefined {
  const { bytes, path: from, pathOf } = blob;
  const opened = open(bytes);
  if (opened === undefined) return undefined;
  const { packed, content } = opened;
  const ops: RestoreOp[] = [{ op: 'empty', to: outDir }];
  let textRoom = MAX_EXPANDED_CHARS;
  for (const entry of packed) {
    const to = `${outDir}/${entry.path}`;
    const { mode } = entry;
    if (entry.kind === 'dir') ops.push({ op: 'dir', to, mode });
    else if (entry.kind === 'link') {
      const target = roots.expand(entry.target);
      if (target === undefined) return undefined;
      ops.push({ op: 'symlink', target, to });
    } else if (entry.kind === 'large') {
      const { digest, size } = entry;
      const large = pathOf(digest, size);
      if (large === undefined) return undefined;
      ops.push({ op: 'copy', from: large, to, mode, size });
    } else {
      const { size } = entry;
      const offset = content + entry.at;
      if (offset + size > bytes.length) return undefined;
      if (!entry.text) ops.push({ op: 'slice', from, offset, size, to, mode });
      else {
        const text = bytes.toString('utf8', offset, offset + size);
        const expanded = expandMessages(text, roots);
        textRoom -= expanded.length;
        if (textRoom < 0) return undefined;
        ops.push({ op: 'write', text: expanded, to, mode });
      }
    }
  }
  return ops;
}

/**
 * Names of what two packed trees do not hold alike, whatever the order of times in them.
 *
 * @returns undefined when either is none
 */
export function differencesOfTrees(one: Buffer, other: Buffer): string[] | undefined {
  const [before, after] = [one, other].map(contentsOf);
  if (before === undefined || after === undefined) return undefined;
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .filter((name) => {
      const [a, b] = [before.get(name), after.get(name)];
      return a === undefined || b === undefined || a.about !== b.about || !a.bytes.equals(b.bytes);
    })
    .sort();
}

function contentsOf(blob: Buffer): Map<string, { about: string; bytes: Buffer }> | undefined {
  const opened = open(blob);
  if (opened === undefined) return undefined;
  const { packed, content } = opened;
  return new Map(
    packed.map(({ path, ...rest }) => {
      if (rest.kind !== 'file') return [path, { about: JSON.stringify(rest), bytes: NOTHING }];
      const { at, size, ...about } = rest;
      const bytes = blob.subarray(content + at, content + at + size);
      return [path, { about: JSON.stringify(about), bytes }];
    }),
  );
}

const NOTHING = Buffer.alloc(0);

/** @returns undefined when it is no packed tree, or names anything outside of itself */
function open(bytes: Buffer): { packed: Packed[]; content: number } | undefined {
  const start = MAGIC.length + LENGTH_BYTES;
  if (bytes.length < start || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const content = start + bytes.readUInt32LE(MAGIC.length);
  const packed = parse(bytes.subarray(start, content));
  if (packed === undefined || !hasRoom(packed, bytes.length - content)) return undefined;
  return { packed, content };
}

/** No two files share bytes: else a small tree could stand for one of any size. */
function hasRoom(packed: readonly Packed[], bytes: number): boolean {
  const files = packed.filter((entry) => entry.kind === 'file');
  const sum = (sizes: number[]) => sizes.reduce((total, size) => total + size, 0);
  const texts = sum(files.map(({ text, size }) => (text ? size : 0)));
  return sum(files.map(({ size }) => size)) <= bytes && texts <= MAX_TEXT_BYTES;
}

function parse(header: Buffer): Packed[] | undefined {
  try {
    const packed = JSON.parse(header.toString('utf8')) as unknown;
    if (!Array.isArray(packed) || packed.length > MAX_ENTRIES) return undefined;
    return packed.every(isPacked) && isInside(packed) ? packed : undefined;
  } catch {
    return undefined;
  }
}

function isPacked(value: unknown): value is Packed {
  if (typeof value !== 'object' || value === null) return false;
  const { path, mode, kind, at, size, text, target, digest } = value as Record<string, unknown>;
  if (typeof path !== 'string' || !isBelow(path)) return false;
  if (!Number.isInteger(mode) || (mode as number) < 0 || (mode as number) > 0o777) return false;
  const isCount = (count: unknown) => Number.isSafeInteger(count) && (count as number) >= 0;
  if (kind === 'dir') return true;
  if (kind === 'link') return typeof target === 'string';
  if (kind === 'large') return typeof digest === 'string' && isDigest(digest) && isCount(size);
  return kind === 'file' && isCount(at) && isCount(size) && typeof text === 'boolean';
}

function isBelow(path: string): boolean {
  return (
    path !== '' &&
    path.length <= MAX_PATH_CHARS &&
    path.split('/').every((part) => !['', '.', '..'].includes(part)) &&
    !path.includes('\0')
  );
}

/** A symlink must not be a parent of anything: what is written through it would lie elsewhere. */
function isInside(packed: readonly Packed[]): boolean {
  const links = new Set(packed.filter(({ kind }) => kind === 'link').map(({ path }) => path));
  const names = new Set(packed.map(({ path }) => path));
  if (names.size !== packed.length) return false;
  return packed.every(({ path }) => {
    const parts = path.split('/');
    return parts.slice(1).every((_, index) => !links.has(parts.slice(0, index + 1).join('/')));
  });
}
