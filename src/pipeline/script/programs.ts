import { basename, dirname, join } from 'node:path';
import type { DiskPort } from '../ports.js';

interface Making extends Disposable {
  /** Whether a run waits for it. */
  readonly isWanted: boolean;
}

/**
 * Build scripts that are being compiled and stored: cargo runs one as soon as its compiler has
 * ended, and what it was made from is known a moment later.
 */
export class Programs {
  readonly #disk: DiskPort;
  readonly #making = new Map<string, { done: Promise<void>; wanted: boolean }>();

  constructor(disk: DiskPort) {
    this.#disk = disk;
  }

  /** Disposed of when the program is stored, or will not be. */
  begin(path: string): Making {
    let finish = () => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const place = this.#place(path);
    const making = { done, wanted: false };
    this.#making.set(place, making);
    return {
      get isWanted() {
        return making.wanted;
      },
      [Symbol.dispose]: () => {
        if (this.#making.get(place) === making) this.#making.delete(place);
        finish();
      },
    };
  }

  /** @param onWait called when there is something to wait for */
  async settled(path: string, onWait: () => void): Promise<void> {
    const making = this.#making.get(this.#place(path));
    if (making === undefined) return;
    making.wanted = true;
    onWait();
    await making.done;
  }

  /** A target directory that is reached through a symlink has the same files. */
  #place(path: string): string {
    return join(this.#disk.realpath(dirname(path)), basename(path));
  }
}
