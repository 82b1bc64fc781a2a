import { setTimeout as sleep } from 'node:timers/promises';

/** A build has ended when no call came for this long: cargo's own pauses are shorter. */
const QUIET_MS = 1_000;
/** An editor that checks all day long never lets go. */
const PATIENCE_MS = 10 * 60_000;

/** Knows whether a build is under way. */
export class Calm {
  readonly #monotonic: () => number;
  #running = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** A call came; dispose when it has its answer and its report. */
  begin(): Disposable {
    this.#running += 1;
    return {
      [Symbol.dispose]: () => {
        this.#running -= 1;
        this.#lastMs = this.#monotonic();
      },
    };
  }

  /** @returns when no build is under way, or patience ends; false when the signal aborts first */
  async quiet(signal: AbortSignal): Promise<boolean> {
    const untilMs = this.#monotonic() + PATIENCE_MS;
    while (!signal.aborted) {
      const nowMs = this.#monotonic();
      if (this.#running === 0 && nowMs - this.#lastMs >= QUIET_MS) return true;
      if (nowMs >= untilMs) return true;
      await sleep(QUIET_MS / 4, undefined, { ref: false });
    }
    return false;
  }
}
