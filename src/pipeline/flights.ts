import type { Digest } from '../base/digest.js';

interface Flight extends Disposable {
  /** Resolves when somebody comes second. */
  readonly wanted: Promise<void>;
}

/** Units being looked up, fetched, compiled or stored: whoever comes second waits for the first. */
export class Flights {
  readonly #flying = new Map<Digest, { ended: Promise<void>; want: () => void }>();

  /**
   * Takes the key when nobody holds it, at most after `patienceMs`; then the first is not
   * disturbed. Looking and taking are one step: of two who wait, one goes on.
   */
  async take(key: Digest, patienceMs: number): Promise<Flight> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), patienceMs);
    });
    try {
      for (let first = this.#flying.get(key); first !== undefined; first = this.#flying.get(key)) {
        first.want();
        if ((await Promise.race([first.ended, patience])) === 'late') break;
      }
      return this.#begin(key);
    } finally {
      clearTimeout(timer);
    }
  }

  #begin(key: Digest): Flight {
    let finish = () => {};
    const ended = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let want = () => {};
    const wanted = new Promise<void>((resolve) => {
      want = resolve;
    });
    const flight = { ended, want };
    if (!this.#flying.has(key)) this.#flying.set(key, flight);
    return {
      wanted,
      [Symbol.dispose]: () => {
        if (this.#flying.get(key) === flight) this.#flying.delete(key);
        finish();
      },
    };
  }
}
