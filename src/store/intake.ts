import {
  type BigIntStats,
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  writeFileSync,
} from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../base/clock.js';
import type { Digest, Hasher } from '../base/digest.js';
import { errnoOf, VriftError } from '../base/errors.js';
import type { Blobs } from './blobs.js';
import type { FileDigests } from './files.js';
import { ASYNC_HASH_BYTES, type HashedFile, hashFile, hashFileAsync } from './hashing.js';
import { asStoreError, discard, type Layout } from './layout.js';
import { blobCost, type Reservation } from './space.js';
import { type Grains, isSameContent, milliseconds, stampOf, statFile } from './stamp.js';

export interface PutFileOptions {
  /** Hard link instead of copying. Only for files that nobody writes into in place (rlib, .a). */
  link: boolean;
  /** What it must hash to. */
  expected?: Digest;
}

export interface Stored {
  digest: Digest;
  size: number;
}

export interface IntakeOptions {
  layout: Layout;
  blobs: Blobs;
  files: FileDigests;
  hasher: Hasher;
  clock: Clock;
  grains: Grains;
  /** @throws VRIFT_STORE_FULL */
  reserve: (bytes: number) => Reservation;
}

/** The ways into the store: a file of a target directory, bytes, or a file fetched from a peer. */
export class Intake {
  readonly #layout: Layout;
  readonly #blobs: Blobs;
  readonly #files: FileDigests;
  readonly #hasher: Hasher;
  readonly #clock: Clock;
  readonly #grains: Grains;
  readonly #reserve: (bytes: number) => Reservation;

  constructor(options: IntakeOptions) {
    this.#layout = options.layout;
    this.#blobs = options.blobs;
    this.#files = options.files;
    this.#hasher = options.hasher;
    this.#clock = options.clock;
    this.#grains = options.grains;
    this.#reserve = options.reserve;
  }

  async putFile(path: string, options: PutFileOptions): Promise<Stored | undefined> {
    const before = statFile(path, true);
    if (!before) return undefined;
    const known = this.#files.known(path, before);
    if (known && this.#isHere(known, Number(before.size))) {
      refuseOther(path, known, options.expected);
      return { digest: known, size: Number(before.size) };
    }
    const link = options.link && (await this.#settles(path, before));
    return this.#throughTmp(Number(before.size), async (tmp, reservation) => {
      const linked = await bring(path, tmp, { link, size: before.size });
      if (linked === undefined) return undefined;
      const { digest, size } = await this.#hash(tmp, before.size);
      if (size !== Number(before.size)) return undefined;
      if (!(await this.#isStill(path, before, digest))) return undefined;
      refuseOther(path, digest, options.expected);
      if (this.#isHere(digest, size)) return { digest, size };
      this.#admit(tmp, digest, reservation);
      // Our own link moved the file's ctime; its content was settled before it was hashed.
      if (linked) this.#relearn(path, before, digest);
      return { digest, size };
    });
  }

  async putBytes(bytes: Uint8Array): Promise<Stored> {
    const digest = this.#hasher.hash(bytes);
    const stored = { digest, size: bytes.length };
    if (this.#isHere(digest, bytes.length)) return stored;
    return this.#throughTmp(bytes.length, async (tmp, reservation) => {
      if (bytes.length <= ASYNC_HASH_BYTES) writeFileSync(tmp, bytes, { flag: 'wx', mode: 0o644 });
      else await writeFile(tmp, bytes, { flag: 'wx', mode: 0o644 });
      this.#admit(tmp, digest, reservation);
      return stored;
    });
  }

  adopt(tmp: string, digest: Digest, size: number, reservation?: Reservation): void {
    const own = this.#topUp(tmp, blobCost(size) - (reservation?.bytes ?? 0));
    try {
      const stat = statFile(tmp, false);
      if (!stat || Number(stat.size) !== size) {
        throw new VriftError('VRIFT_STORE_CORRUPT', `${tmp} does not have the announced size`);
      }
      // The launcher links a blob only where its mode is what the caller's umask makes of 0666.
      chmodSync(tmp, 0o644);
      if (!this.#isHere(digest, size)) this.#admit(tmp, digest, reservation);
    } catch (error) {
      throw asStoreError(error, 'storing a fetched blob');
    } finally {
      own?.[Symbol.dispose]();
      discard(tmp);
    }
  }

  /** What was reserved for several blobs may fall short of one of them by some blocks. */
  #topUp(tmp: string, missing: number): Reservation | undefined {
    try {
      return missing > 0 ? this.#reserve(missing) : undefined;
    } catch (error) {
      discard(tmp);
      throw error;
    }
  }

  /** Runs a write into a temporary file; whatever happens, neither it nor its room is left over. */
  async #throughTmp<T>(
    size: number,
    write: (tmp: string, reservation: Reservation) => Promise<T>,
  ): Promise<T> {
    const reservation = this.#reserve(blobCost(size));
    const tmp = this.#layout.tmpPath();
    try {
      return await write(tmp, reservation);
    } catch (error) {
      throw asStoreError(error, 'storing a blob');
    } finally {
      reservation[Symbol.dispose]();
      discard(tmp);
    }
  }

  /** Whether the blob is there and sound; if so it stays until its result comes. */
  #isHere(digest: Digest, size: number): boolean {
    if (!this.#blobs.find(digest) || this.#blobs.check(digest, size) === 'gone') return false;
    this.#blobs.expectUse(digest);
    return true;
  }

  #admit(tmp: string, digest: Digest, reservation: Reservation | undefined): void {
    const stat = statFile(tmp, false);
    if (!stat) throw new VriftError('VRIFT_INTERNAL', `${tmp} is gone`);
    this.#layout.place(tmp, digest);
    this.#blobs.admit(digest, stat, reservation);
  }

  /**
   * Waits until a later write into the file must move its mtime. Whoever links shares the inode:
   * a write within the tick of its mtime would change the blob and leave no trace.
   *
   * @returns false when waiting does not help (a time in the future, a coarse file system)
   */
  async #settles(path: string, stat: BigIntStats): Promise<boolean> {
    const now = this.#clock.now();
    if (this.#grains.isContentSettled(path, stat, now)) return true;
    const grainMs = this.#grains.grainMs(path, stat);
    const waitMs = milliseconds(stat.mtimeNs) + grainMs + 2 - now;
    if (waitMs > MAX_WAIT_MS) return false;
    await sleep(waitMs);
    return this.#grains.isContentSettled(path, stat, this.#clock.now());
  }

  /**
   * Whether a file still has the content that was taken from it. A new mtime alone says nothing:
   * after a `cargo check`, cargo sets that of all outputs.
   */
  async #isStill(path: string, before: BigIntStats, digest: Digest): Promise<boolean> {
    const after = statFile(path, true);
    if (!after) return false;
    if (isSameContent(before, after)) return true;
    if (after.ino !== before.ino || after.dev !== before.dev || after.size !== before.size) {
      return false;
    }
    return (await this.#hash(path, after.size)).digest === digest;
  }

  async #hash(tmp: string, size: bigint): Promise<HashedFile> {
    return size <= ASYNC_HASH_BYTES
      ? hashFile(this.#hasher, tmp)
      : hashFileAsync(this.#hasher, tmp);
  }

  #relearn(path: string, before: BigIntStats, digest: Digest): void {
    const now = statFile(path, true);
    if (now && isSameContent(before, now)) this.#files.record(path, stampOf(now), digest);
  }
}

const MAX_WAIT_MS = 100;

function refuseOther(path: string, digest: Digest, expected: Digest | undefined): void {
  if (expected === undefined || expected === digest) return;
  throw new VriftError('VRIFT_STORE_CORRUPT', `${path} hashes to ${digest}, not to ${expected}`);
}

/** @returns whether it became a hard link; undefined when the source went meanwhile */
async function bring(
  from: string,
  to: string,
  { link, size }: { link: boolean; size: bigint },
): Promise<boolean | undefined> {
  try {
    if (link && linkOrNot(from, to)) return true;
    await copy(from, to, size);
    return false;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && !statFile(from, true)) return undefined;
    throw error;
  }
}

/** @returns false where a hard link cannot be made but a copy can */
function linkOrNot(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (NO_LINK.has(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

const NO_LINK: ReadonlySet<string> = new Set([
  'EXDEV',
  'EMLINK',
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
]);

/** Shares the blocks where the file system can (reflink). Blobs are 0644 whatever the source was. */
async function copy(from: string, to: string, size: bigint): Promise<void> {
  if (size <= ASYNC_HASH_BYTES) copyFileSync(from, to, constants.COPYFILE_FICLONE);
  else await copyFile(from, to, constants.COPYFILE_FICLONE);
  chmodSync(to, 0o644);
}
