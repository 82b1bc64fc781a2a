import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { VriftError } from '../../base/errors.js';
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
  readonly #onProblem: (error: VriftError) => void;
  /** One sweep at a time. */
  #last: Promise<number> = Promise.resolve(0);
  readonly #stopped = new AbortController();

  /** @param onProblem the disk does not take it; it is tried again */
  constructor(
    store: Swept,
    monotonic: () => number,
    onProblem: (error: VriftError) => void = () => {},
  ) {
    this.#store = store;
    this.#monotonic = monotonic;
    this.#onProblem = onProblem;
  }

  /** @returns how many results went, once peers cannot see them any more */
  sweep(trust: Trust): Promise<number> {
    this.#last = this.#last.catch(() => 0).then(() => this.#sweep(trust));
    return this.#last;
  }

  /** Gives up what is under way: the next start does it anew. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#last.catch(() => 0);
  }

  async #sweep(trust: Trust): Promise<number> {
    const text = recallsText(trust.facts);
    const done = this.#store.table<string>('swept', { maxEntries: 4 });
    if (text === NOTHING_RECALLED || done.get(LAST) === text) return 0;
    let dropped = 0;
    let since = this.#monotonic();
    for (const stored of this.#store.allResults()) {
      if (this.#stopped.signal.aborted) return dropped;
      if (trust.isRecalled(stored)) {
        this.#store.dropResult(stored.result.resultKey, stored.resultDigest);
        dropped += 1;
      }
      if (this.#monotonic() - since < AT_ONCE_MS) continue;
      await turn();
      since = this.#monotonic();
    }
    await this.#written();
    done.put(LAST, text);
    await this.#written();
    return dropped;
  }

  /** Peers read what is on the disk: until it is there, they would be told of what was dropped. */
  async #written(): Promise<void> {
    for (let ms = FIRST_PAUSE_MS; !(await this.#store.flush()); ms = Math.min(2 * ms, PAUSE_MS)) {
      const message = 'what was recalled cannot be dropped: the disk is full';
      this.#onProblem(new VriftError('VRIFT_STORE_FULL', message));
      await sleep(ms, undefined, { signal: this.#stopped.signal, ref: false });
    }
  }
}

const LAST = 'last';
const FIRST_PAUSE_MS = 1_000;
const PAUSE_MS = 60_000;
