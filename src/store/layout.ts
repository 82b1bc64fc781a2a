import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../base/digest.js';
import { errnoOf, VriftError } from '../base/errors.js';

/** Where things are: `cas/ab/<digest>`, `tmp/` on the same filesystem, `index/`. */
export class Layout {
  readonly root: string;
  readonly cas: string;
  readonly tmp: string;
  readonly index: string;
  /** Exists only between a clean close and the next open. */
  readonly cleanMarker: string;
  /** Notes of processes that have the index open, or ended so; see `Blame`. */
  readonly crashMarks: string;
  readonly #nonce = randomBytes(6).toString('hex');
  #serial = 0;

  /** @throws VRIFT_STORE_UNUSABLE when the directories cannot be made or written to */
  constructor(root: string) {
    this.root = root;
    this.cas = join(root, 'cas');
    this.tmp = join(root, 'tmp');
    this.index = join(root, 'index');
    this.cleanMarker = join(root, 'clean.json');
    this.crashMarks = join(root, 'crashes');
    try {
      mkdirSync(root, { recursive: true, mode: 0o700 });
      for (const folder of [this.cas, this.tmp, this.index]) {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        chmodSync(folder, 0o700);
      }
      const probe = this.tmpPath();
      writeFileSync(probe, '');
      unlinkSync(probe);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new VriftError('VRIFT_STORE_UNUSABLE', `cannot use ${root} as the store: ${why}`, {
        cause: error,
      });
    }
  }

  /** Whether no blob was ever put here. */
  isEmpty(): boolean {
    return readdirSync(this.cas).length === 0;
  }

  blob(digest: Digest): string {
    return `${this.cas}/${digest.slice(0, 2)}/${digest}`;
  }

  /** A name nobody else uses; it starts with our process id, so that leftovers can be told. */
  tmpPath(): string {
    return join(this.tmp, `${this.ownName()}-${++this.#serial}`);
  }

  /** What is called after this process; it starts with its id. */
  ownName(): string {
    return `${process.pid}-${this.#nonce}`;
  }

  /**
   * Moves a finished temporary file to its blob's name, replacing what is there. If both are names
   * of one inode, renaming does nothing: the caller discards the temporary name in any case.
   */
  place(tmpPath: string, digest: Digest): void {
    const target = this.blob(digest);
    try {
      renameSync(tmpPath, target);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      mkdirSync(join(this.cas, digest.slice(0, 2)), { recursive: true, mode: 0o700 });
      renameSync(tmpPath, target);
    }
  }

  /**
   * Removes what processes that are gone left in `tmp/`. It looks only at what is there when it is called,
   * before this process has made anything: whatever comes later is its own, also what is called
   * after no process, as the mesh thread's files are.
   *
   * @param signal what is not removed by then is left to the next open
   */
  async clearStale(signal: AbortSignal): Promise<void> {
    const names = readdirSync(this.tmp);
    for (const name of names) {
      if (signal.aborted) return;
      const path = join(this.tmp, name);
      const since = await changedAt(path);
      const pid = Number.parseInt(name, 10);
      const ours = pid === process.pid && since >= Date.now() - process.uptime() * 1000;
      const theirs = pid !== process.pid && isAlive(pid) && since > Date.now() - STALE_AFTER_MS;
      if (ours || theirs) continue;
      // What cannot be removed is in nobody's way.
      await removeInPieces(path, signal).catch(() => {});
    }
  }

  /** Takes all blobs out of the way at once; deleting them may take its time. */
  async discardBlobs(signal: AbortSignal): Promise<void> {
    const aside = this.tmpPath();
    renameSync(this.cas, aside);
    mkdirSync(this.cas, { mode: 0o700 });
    await removeInPieces(aside, signal);
  }
}

/** Unlinks a file if that is possible; one that stays is found again by `vrift gc`. */
export function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or not ours to remove: either way the caller has nothing better to do.
  }
}

/**
 * `rm` asks the disk for everything below a directory at once, and whoever else wants something of it waits
 * until that is done: of a whole store, one folder of blobs follows another.
 */
async function removeInPieces(path: string, signal: AbortSignal): Promise<void> {
  const pieces = (await lstat(path)).isDirectory() ? await readdir(path) : [];
  for (const piece of pieces) {
    if (signal.aborted) return;
    await rm(join(path, piece), { recursive: true, force: true });
  }
  await rm(path, { recursive: true, force: true });
}

/** What a disk refuses becomes an error with a code; everything else stays what it is. */
export function asStoreError(error: unknown, doing: string): unknown {
  const errno = errnoOf(error) ?? '';
  const cause = { cause: error };
  if (NO_ROOM.has(errno)) {
    return new VriftError('VRIFT_STORE_FULL', `no space left on the disk while ${doing}`, cause);
  }
  if (!NOT_OURS_ANY_MORE.has(errno)) return error;
  return new VriftError('VRIFT_STORE_UNUSABLE', `the store failed while ${doing}: ${errno}`, cause);
}

const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** A disk that went read-only, broke or was unmounted; directories that somebody removed. */
const NOT_OURS_ANY_MORE: ReadonlySet<string> = new Set([
  'EROFS',
  'EIO',
  'ESTALE',
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EFBIG',
]);

const STALE_AFTER_MS = 24 * 3600 * 1000;

/** Whether a process of that id lives, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** In milliseconds since the epoch; the file system's clock, so never the caller's. */
async function changedAt(path: string): Promise<number> {
  try {
    return (await lstat(path)).ctimeMs;
  } catch {
    return 0;
  }
}
