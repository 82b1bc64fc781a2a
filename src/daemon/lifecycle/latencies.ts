import type { Percentiles } from '../../wire/control.js';

/** Enough for a p95 of the last few builds, in 32 KB. */
const KEPT = 4096;

/** The latest durations of one kind, for percentiles. */
export class Latencies {
  readonly #kept = new Float64Array(KEPT);
  #added = 0;

  add(ms: number): void {
    this.#kept[this.#added % KEPT] = ms;
    this.#added += 1;
  }

  /** Nearest rank, in milliseconds with two decimals; zeros when nothing was measured. */
  percentiles(): Percentiles {
    const sorted = this.#kept.slice(0, Math.min(this.#added, KEPT)).sort();
    const at = (share: number) => {
      const ms = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
      return Math.round(ms * 100) / 100;
    };
    return { p50: at(0.5), p95: at(0.95) };
  }
}
