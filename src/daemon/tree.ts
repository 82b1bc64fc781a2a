import { type BigIntStats, type Dirent, opendirSync, realpathSync, statSync } from 'node:fs';
import { setImmediate as othersTurn } from 'node:timers/promises';
import type { Digest } from '../base/digest.js';
import { errnoOf } from '../base/errors.js';
import type { Entry, Node, Tree } from '../keying/walk.js';
import { Grains, stampOf } from '../store/stamp.js';

export interface TreeOptions {
  known(path: string, stat: BigIntStats): Digest | undefined;
  digest(path: string): Promise<Digest | undefined>;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** A name that is no UTF-8 reads as another one, and two of them as the same. */
const REPLACED = '\ufffd';

/** Files that are digested before other calls get their turn. */
const BURST = 64;

const MAX_LISTINGS = 20_000;

/** The real disk, for declared inputs. Directories are listed again only when they changed. */
export function openTree({ known, digest, now }: TreeOptions): Tree {
  const grains = new Grains();
  const listings = new Map<string, { stamp: string; entries: readonly Entry[] | string }>();
  let digested = 0;
  return {
    look: (path) => attempt(() => nodeOf(path, statSync(path, STAT), known)),
    list(path, most) {
      const startedMs = now();
      const found = attempt(() => {
        const stat = statSync(path, STAT);
        if (stat?.isDirectory() !== true) return [];
        const stamp = stampOf(stat);
        const before = listings.get(path);
        if (before?.stamp === stamp) return before.entries;
        const entries = readEntries(path, most);
        if (!grains.isSettled(path, stat, startedMs)) return entries;
        if (listings.size >= MAX_LISTINGS) listings.clear();
        listings.set(path, { stamp, entries });
        return entries;
      });
      return found ?? 'cannot be listed';
    },
    async digest(path) {
      digested += 1;
      if (digested % BURST === 0) await othersTurn();
      return digest(path);
    },
    realpath: (path) => attempt(() => realpathSync(path)) ?? path,
  };
}

const STAT = { bigint: true, throwIfNoEntry: false } as const;

function nodeOf(path: string, stat: BigIntStats | undefined, known: TreeOptions['known']): Node {
  if (stat === undefined) return { kind: 'absent' };
  if (stat.isDirectory()) return { kind: 'directory' };
  if (!stat.isFile()) return { kind: 'special' };
  return {
    kind: 'file',
    bytes: Number(stat.size),
    changedNs: stat.ctimeNs,
    digest: known(path, stat),
  };
}

function readEntries(path: string, most: number): Entry[] | string {
  const directory = opendirSync(path, { bufferSize: 256 });
  try {
    const entries: Entry[] = [];
    for (let found = directory.readSync(); found !== null; found = directory.readSync()) {
      if (found.name.includes(REPLACED)) return 'holds a name that is no UTF-8';
      if (entries.length >= most) return `holds more than ${most} files`;
      entries.push({ name: found.name, kind: kindOf(found) });
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } finally {
    directory.closeSync();
  }
}

/** Where the file system does not say what an entry is, a look through it does. */
function kindOf(entry: Dirent): Entry['kind'] {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'directory' : 'other';
}

/** undefined where the disk does not say: no right to look, a loop of links. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
