import { open } from 'node:fs/promises';
import type { Digest } from '../base/digest.js';
import type { Blobs } from './blobs.js';

/**
 * Writes blobs through to the disk some time after they were put: fsync on the way would cost more
 * than compiling. What an unclean stop caught in between is hashed again at first use.
 */
export class Epochs {
  readonly #blobs: Blobs;
  readonly #timer: NodeJS.Timeout;
  #syncing: Promise<void> = Promise.resolve();

  /** @param onTick what else is due whenever an epoch ends */
  constructor(blobs: Blobs, onTick: () => void) {
    this.#blobs = blobs;
    this.#timer = setInterval(() => {
      onTick();
      void this.sync();
    }, EPOCH_MS).unref();
  }

  /** Syncs everything written until now. */
  sync(): Promise<void> {
    this.#syncing = this.#syncing.then(() => this.#sync());
    return this.#syncing;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #sync(): Promise<void> {
    const due = this.#blobs.unsynced;
    if (due.size === 0) return;
    this.#blobs.unsynced = new Set();
    const queue = due.values();
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work(queue)));
  }

  async #work(queue: Iterator<Digest>): Promise<void> {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      if (await this.#syncFile(next.value)) this.#blobs.markSynced(next.value);
    }
  }

  /** @returns whether the bytes are on the disk; a blob that went meanwhile needs nothing */
  async #syncFile(digest: Digest): Promise<boolean> {
    try {
      const handle = await open(this.#blobs.path(digest), 'r');
      try {
        await handle.datasync();
      } finally {
        await handle.close();
      }
      return true;
    } catch {
      return false;
    }
  }
}

const EPOCH_MS = 30_000;
const WORKERS = 4;
