import { basename, dirname, join } from 'node:path';
import { settlesWithin } from '../../base/patience.js';
import type { DiskPort } from '../ports.js';

/** For one that is only stored yet. A compile of the same place that was stopped never ends. */
const STORING_MS = 10_000;

interface Making extends Disposable {
  /** Resolves when a run waits for it. */
  readonly wanted: Promise<void>;
}

/**
 * Build scripts that are being compiled and stored: cargo runs one as soon as its compiler has
 * ended, and what it was made from is known a moment later.
 */
export class Programs {
  readonly #disk: DiskPort;
  readonly #making = new Map<string, { done: Promise<void>; want: () => void }>();

  constructor(disk: DiskPort) {
    this.#disk = disk;
  }

  /** Disposed of when the program is stored, or will not be. */
  begin(path: string): Making {
    let finish = () => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let want = () => {};
    const wanted = new Promise<void>((resolve) => {
      want = resolve;
    });
    const place = this.#place(path);
    const making = { done, want };
    this.#making.set(place, making);
    return {
      wanted,
      [Symbol.dispose]: () => {
        if (this.#making.get(place) === making) this.#making.delete(place);
        finish();
      },
    };
  }

  /** Waits until the program at `path` is stored, if it is being compiled, and says that it is wanted. */
  async settled(path: string): Promise<void> {
    const making = this.#making.get(this.#place(path));
    if (making === undefined) return;
    making.want();
    await settlesWithin(STORING_MS, making.done);
  }

  /** A target directory that is reached through a symlink has the same files. */
  #place(path: string): string {
    return join(this.#disk.realpath(dirname(path)), basename(path));
  }
}
