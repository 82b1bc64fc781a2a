/** Sweeps at once: all of a small mesh. */
const AT_ONCE = 16;
/** One more comes free in this time. */
const EACH_MS = 60_000;

/**
 * How often peers are swept. In a large mesh each node asks a few of the others, and what is
 * preferred spreads from one to the next.
 */
export class Pace {
  #left = AT_ONCE;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** Milliseconds until the next sweep may begin. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#left >= 1 ? 0 : Math.ceil((1 - this.#left) * EACH_MS);
  }

  take(nowMs: number): void {
    this.#refill(nowMs);
    this.#left -= 1;
  }

  #refill(nowMs: number): void {
    this.#left = Math.min(AT_ONCE, this.#left + (nowMs - this.#atMs) / EACH_MS);
    this.#atMs = nowMs;
  }
}
