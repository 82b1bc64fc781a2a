import type { BigIntStats } from 'node:fs';
import type { Clock } from '../base/clock.js';
import { type Digest, type Hasher, isDigest } from '../base/digest.js';
import { ASYNC_HASH_BYTES, type HashedFile, hashFile, hashFileAsync } from './hashing.js';
import { type Grains, stampOf, statFile } from './stamp.js';
import type { Table } from './table.js';

type Known = [stamp: string, digest: Digest, links?: number];

export interface FileDigestsOptions {
  hasher: Hasher;
  clock: Clock;
  grains: Grains;
  table: Table<Known>;
  /** Whether the file is a hard link of that blob, and the blob is unchanged. */
  isLinkOf: (digest: Digest, stat: BigIntStats) => boolean;
}

/** Digests of files outside the store, remembered by path and stamp. */
export class FileDigests {
  readonly #hasher: Hasher;
  readonly #clock: Clock;
  readonly #grains: Grains;
  readonly #table: Table<Known>;
  readonly #isLinkOf: FileDigestsOptions['isLinkOf'];

  constructor(options: FileDigestsOptions) {
    this.#hasher = options.hasher;
    this.#clock = options.clock;
    this.#grains = options.grains;
    this.#table = options.table;
    this.#isLinkOf = options.isLinkOf;
  }

  /** Digest of a regular file (through links), hashing it if need be; undefined for anything else. */
  digest(path: string): Digest | undefined {
    const stat = isReadablePath(path) ? statFile(path, true) : undefined;
    if (!stat) return undefined;
    const known = this.known(path, stat);
    if (known) return known;
    const startedMs = this.#clock.now();
    return this.#learn(
      path,
      stat,
      startedMs,
      attempt(() => hashFile(this.#hasher, path)),
    );
  }

  /** The same for files that may be large: those above 1 MB are hashed beside other calls. */
  async digestAsync(path: string): Promise<Digest | undefined> {
    const stat = isReadablePath(path) ? statFile(path, true) : undefined;
    if (!stat) return undefined;
    if (stat.size <= ASYNC_HASH_BYTES) return this.digest(path);
    const known = this.known(path, stat);
    if (known) return known;
    const startedMs = this.#clock.now();
    const hashed = await hashFileAsync(this.#hasher, path).catch(() => undefined);
    return this.#learn(path, stat, startedMs, hashed);
  }

  /** What is remembered of a file in exactly this state. */
  known(path: string, stat: BigIntStats): Digest | undefined {
    const [stamp, digest, links] = this.#table.get(path) ?? [];
    if (stamp === undefined || digest === undefined) return undefined;
    const now = stampOf(stat);
    if (stamp === now) return digest;
    // Linking or unlinking a file anywhere moves the ctime of all its names.
    if (withoutCtime(stamp) !== withoutCtime(now)) return undefined;
    const isRelinked = links !== undefined && BigInt(links) !== stat.nlink && isNew(stat);
    if (!isRelinked && (stat.nlink < 2n || !this.#isLinkOf(digest, stat))) return undefined;
    this.#table.put(path, isRelinked ? [now, digest, Number(stat.nlink)] : [now, digest]);
    return digest;
  }

  /**
   * Believes whoever made the file from that content just now. No system call.
   *
   * @param statText `dev:ino:size:mtimeNs:ctimeNs:mode`, taken after the file was finished
   * @param links    how many names it had then. Another number later explains another ctime: cargo
   *   gives a library a second name while others are compiled against it.
   */
  record(path: string, statText: string, digest: Digest, links?: number): void {
    const fields = statText.split(':');
    if (fields.length < 5 || !isReadablePath(path) || !isDigest(digest)) return;
    const stamp = fields.slice(0, 5).join(':');
    this.#table.put(path, links === undefined ? [stamp, digest] : [stamp, digest, links]);
  }

  /**
   * Believes whoever read the file's bytes, perhaps by a second name that was given to it for that:
   * it moved the ctime, so what has to be settled before reading is the content.
   *
   * @param before    stamp of the file before it was read
   * @param startedMs when reading began
   */
  recordRead(path: string, before: string, startedMs: number, digest: Digest): void {
    const stat = isReadablePath(path) ? statFile(path, true) : undefined;
    if (!stat || stampOf(stat) !== before) return;
    if (this.#grains.isContentSettled(path, stat, startedMs))
      this.#table.put(path, [before, digest]);
  }

  #learn(
    path: string,
    before: BigIntStats,
    startedMs: number,
    hashed: HashedFile | undefined,
  ): Digest | undefined {
    if (!hashed) return undefined;
    const after = statFile(path, true);
    // Torn bytes have a digest that nothing else has: a miss, and nothing to remember.
    if (!after || stampOf(after) !== stampOf(before)) return hashed.digest;
    if (this.#grains.isSettled(path, after, startedMs)) {
      this.#table.put(path, [stampOf(after), hashed.digest]);
    }
    return hashed.digest;
  }
}

const LONE_SURROGATE = /[\0\uD800-\uDFFF]/u;

/** Text with a lone surrogate stands for bytes that are no UTF-8: Node would open another file. */
function isReadablePath(path: string): boolean {
  return !LONE_SURROGATE.test(path);
}

/** Names that come and go with the build that made a file, not with what people do to it later. */
function isNew({ ctimeNs, mtimeNs }: BigIntStats): boolean {
  const later = ctimeNs - mtimeNs;
  return later >= 0n && later < RELINKED_NS;
}

const RELINKED_NS = 60_000_000_000n;

function withoutCtime(stamp: string): string {
  return stamp.slice(0, stamp.lastIndexOf(':'));
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
