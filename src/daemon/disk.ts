import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BufferPool } from '../base/bufferPool.js';
import type { Digest } from '../base/digest.js';
import { LONGEST_READ, mayReadByAssembler } from '../keying/assembly.js';
import { holdsPath, nested } from '../keying/scan.js';
import { mayReadAllVariables, symbolsOf } from '../keying/symbols.js';
import type { DiskPort } from '../pipeline/ports.js';
import { changedByNs } from '../store/stamp.js';
import { toBytes } from '../wire/bytes.js';
import { Mentions, textPattern } from './mentions.js';
import { walkTree } from './walk.js';

/** What the store remembers of files outside of it. */
export interface FileDigestsPort {
  fileDigest(path: string): Digest | undefined;
  fileDigestAsync(path: string): Promise<Digest | undefined>;
  recordFile(path: string, stat: string, digest: Digest, links?: number): void;
  recordRead(path: string, before: string, startedMs: number, digest: Digest): void;
}

/** A directory that was resolved is taken for unmoved within one burst of calls. */
const RESOLVED_MS = 1_000;

const CHUNK_BYTES = 4 << 20;
/** For the longest path that is looked for; longer ones have a buffer of their own. */
const ROOM_BYTES = 8 << 10;
const chunks = new BufferPool(CHUNK_BYTES + ROOM_BYTES);

const ASSEMBLER = { name: 'assembler', overlap: LONGEST_READ, isIn: mayReadByAssembler };

/** The real disk, as the pipeline sees it. */
export function openDisk(digests: FileDigestsPort, monotonic: () => number): DiskPort {
  const mentions = new Mentions({
    digestOf: (path) => digests.fileDigestAsync(path),
    read: (path) => attempt(() => readRegular(path)),
    sizeOf: (path) => attempt(() => statSync(path).size),
    lookThrough: (path, { overlap, isIn }) => lookThrough(path, overlap, isIn),
  });
  const readers = new Map<Digest, boolean>();
  const resolved = new Map<string, { path: string; at: number }>();
  return {
    digest: (path) => digests.fileDigest(path),
    digestAsync: (path) => digests.fileDigestAsync(path),
    recordFile: (path, stat, digest, links) => digests.recordFile(path, stat, digest, links),
    recordRead: (path, before, startedMs, { digest, content }) => {
      digests.recordRead(path, before, startedMs, digest);
      mentions.keep(digest, content);
    },
    exists: (path) => look(path) !== undefined,
    changedNs: (path) => {
      const stat = look(path);
      return stat?.isFile() === true ? changedByNs(stat) : undefined;
    },
    namesChangedNs: (path) => {
      const stat = look(path);
      return stat?.isDirectory() === true ? changedByNs(stat) : undefined;
    },
    make: (path) =>
      attempt(() => {
        closeSync(openSync(path, 'wx', 0o600));
        return true;
      }) ?? false,
    movedNs: (path) => {
      const stat = attempt(() => lstatSync(path, { bigint: true }));
      // Whatever comes into a directory, or goes, sets both of its times.
      const moved = stat?.isDirectory() === true && stat.ctimeNs !== stat.mtimeNs;
      const isOne = stat !== undefined && (moved || stat.isSymbolicLink());
      return isOne ? changedByNs(stat) : undefined;
    },
    read: (path) => attempt(() => readRegular(path)),
    list: (path) => attempt(() => readdirSync(path)),
    stamp: (path) => {
      const stat = look(path);
      return stat && `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
    },
    links: (path) => attempt(() => statSync(path).nlink),
    walk: (dir) => attempt(() => walkTree(dir)),
    readRaw: (path) => attempt(() => readFileSync(toBytes(path))),
    remove: (path) => rmSync(path, { force: true }),
    gather: (dir, files) => {
      const gathered = attempt(() => {
        mkdirSync(dir);
        for (const path of files) symlinkSync(path, join(dir, basename(path)));
        return true;
      });
      if (gathered === undefined) rmSync(dir, { recursive: true, force: true });
      return gathered === true;
    },
    removeDir: (dir) => rmSync(dir, { recursive: true, force: true }),
    hold: (path, name) =>
      attempt(() => {
        linkSync(path, name);
        return name;
      }),
    realpath: (path) => {
      const known = resolved.get(path);
      const now = monotonic();
      if (known !== undefined && now - known.at < RESOLVED_MS) return known.path;
      const real = attempt(() => realpathSync(path)) ?? path;
      if (resolved.size > 10_000) resolved.clear();
      resolved.set(path, { path: real, at: now });
      return real;
    },
    scan: scanNested,
    mayReadAllVariables: async (path) => {
      const digest = await digests.fileDigestAsync(path);
      const known = digest === undefined ? undefined : readers.get(digest);
      if (known !== undefined) return known;
      const symbols = symbolsOf(attempt(() => readRegular(path)) ?? Buffer.alloc(0));
      const found = symbols !== undefined && mayReadAllVariables(symbols);
      if (readers.size > 10_000) readers.clear();
      if (digest !== undefined) readers.set(digest, found);
      return found;
    },
    mentions: (path, text, known) => mentions.has(path, textPattern(text), known),
    mayAssemble: (path, known) => mentions.has(path, ASSEMBLER, known),
  };
}

/** A file in a directory's place is no entry either, which `throwIfNoEntry` does not know. */
const look = (path: string) =>
  attempt(() => statSync(path, { bigint: true, throwIfNoEntry: false }));

/** A pipe would have whoever reads it wait for whoever writes. */
function readRegular(path: string): Buffer | undefined {
  if (!statSync(path).isFile()) return undefined;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

export async function scanNested(path: string, prefixes: readonly string[]): Promise<string[]> {
  const { outermost, inside } = nested(prefixes);
  const found = await scan(path, outermost);
  const rest = inside(found);
  return rest.length === 0 ? found : [...found, ...(await scan(path, rest))];
}

/** Pieces overlap by the longest prefix, so that none hides at a seam. */
async function scan(path: string, prefixes: readonly string[]): Promise<string[]> {
  const overlap = Math.max(1, ...prefixes.map((prefix) => Buffer.byteLength(prefix)));
  const found = new Set<string>();
  await lookThrough(path, overlap, (piece) => {
    for (const prefix of prefixes) {
      if (!found.has(prefix) && holdsPath(piece, [prefix]) !== undefined) found.add(prefix);
    }
    return false;
  });
  return [...found];
}

/**
 * Reads a file in awaited pieces, each with the last bytes of the one before.
 *
 * @param isFound asked about each piece until it says so
 */
async function lookThrough(
  path: string,
  overlap: number,
  isFound: (piece: Buffer) => boolean,
): Promise<boolean> {
  const file = await open(path, 'r');
  const chunk = overlap > ROOM_BYTES ? Buffer.allocUnsafe(CHUNK_BYTES + overlap) : chunks.take();
  try {
    const { size } = await file.stat();
    const buffer = chunk.subarray(0, Math.min(size, CHUNK_BYTES) + overlap);
    let kept = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, kept, buffer.length - kept, null);
      if (bytesRead === 0) return false;
      const filled = buffer.subarray(0, kept + bytesRead);
      if (isFound(filled)) return true;
      kept = Math.min(overlap, filled.length);
      filled.copyWithin(0, filled.length - kept);
    }
  } finally {
    if (chunk.length === CHUNK_BYTES + ROOM_BYTES) chunks.give(chunk);
    await file.close();
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
