import { setImmediate as turn } from 'node:timers/promises';
import type { Trust } from '../../identity/trust.js';
import { NOTHING_RECALLED, recallsText } from '../../identity/trustFacts.js';
import type { Store } from '../../store/store.js';

/** Calls wait no longer than this for the sweep. */
const AT_ONCE_MS = 5;

type Swept = Pick<Store, 'allResults' | 'dropResult' | 'flush' | 'table'>;

/** Drops what was recalled from the store, and remembers of what it is free. */
export class Sweeper {
  readonly #store: Swept;
  readonly #monotonic: () => number;
  /** One sweep at a time. */
  #last: Promise<number> = Promise.resolve(0);
  #stopped = false;

  constructor(store: Swept, monotonic: () => number) {
    this.#store = store;
    this.#monotonic = monotonic;
  }

  /** @returns how many results went, once peers cannot see them any more */
  sweep(trust: Trust): Promise<number> {
    this.#last = this.#last.catch(() => 0).then(() => this.#sweep(trust));
    return this.#last;
  }

  /** Gives up what is under way: the next start does it anew. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#last.catch(() => 0);
  }

  async #sweep(trust: Trust): Promise<number> {
    const text = recallsText(trust.facts);
    const done = this.#store.table<string>('swept', { maxEntries: 4 });
    if (text === NOTHING_RECALLED || done.get(LAST) === text) return 0;
    let dropped = 0;
    let since = this.#monotonic();
    for (const stored of this.#store.allResults()) {
      if (this.#stopped) return dropped;
      if (trust.isRecalled(stored)) {
        this.#store.dropResult(stored.result.resultKey, stored.resultDigest);
        dropped += 1;
      }
      if (this.#monotonic() - since < AT_ONCE_MS) continue;
      await turn();
      since = this.#monotonic();
    }
    done.put(LAST, text);
    await this.#store.flush();
    return dropped;
  }
}

const LAST = 'last';
