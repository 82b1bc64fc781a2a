import type { Digest } from '../base/digest.js';

/** Units being looked up, fetched, compiled or stored: whoever comes second waits for the first. */
export class Flights {
  readonly #flying = new Map<Digest, Promise<void>>();

  /** Resolves when nobody holds the key, at most after `patienceMs`. */
  async wait(key: Digest, patienceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), patienceMs);
    });
    try {
      for (let first = this.#flying.get(key); first !== undefined; first = this.#flying.get(key)) {
        if ((await Promise.race([first, patience])) === 'late') return;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes the key. A second taker (who ran out of patience) does not disturb the first. */
  begin(key: Digest): Disposable {
    let finish = () => {};
    const flight = new Promise<void>((resolve) => {
      finish = resolve;
    });
    if (!this.#flying.has(key)) this.#flying.set(key, flight);
    return {
      [Symbol.dispose]: () => {
        if (this.#flying.get(key) === flight) this.#flying.delete(key);
        finish();
      },
    };
  }
}
