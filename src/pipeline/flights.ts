import type { Digest } from '../base/digest.js';

/** Units being looked up, fetched, compiled or stored: whoever comes second waits for the first. */
export class Flights {
  readonly #flying = new Map<Digest, Promise<void>>();
  readonly #onWaiting: () => void;

  /** @param onWaiting called when somebody comes second */
  constructor(onWaiting: () => void = () => {}) {
    this.#onWaiting = onWaiting;
  }

  /**
   * Takes the key when nobody holds it, at most after `patienceMs`; then the first is not
   * disturbed. Looking and taking are one step: of two who wait, one goes on.
   */
  async take(key: Digest, patienceMs: number): Promise<Disposable> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), patienceMs);
    });
    try {
      for (let first = this.#flying.get(key); first !== undefined; first = this.#flying.get(key)) {
        this.#onWaiting();
        if ((await Promise.race([first, patience])) === 'late') break;
      }
      return this.#begin(key);
    } finally {
      clearTimeout(timer);
    }
  }

  #begin(key: Digest): Disposable {
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
