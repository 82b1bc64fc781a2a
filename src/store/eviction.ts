import type { Clock } from '../base/clock.js';
import type { Digest } from '../base/digest.js';
import { Slices } from './audit.js';
import type { Blobs } from './blobs.js';
import type { Results } from './results.js';
import type { Space } from './space.js';

export interface EvictionOptions {
  blobs: Blobs;
  results: Results;
  space: Space;
  clock: Clock;
  /** Everything is gone or pinned and yet it is full: the count may be wrong. */
  onFutile: () => void;
}

/**
 * Takes away what was not used for the longest time: blobs whose result never came, then results
 * with their blobs. A put evicts only what it needs; a pass in the background keeps that rare.
 */
export class Eviction {
  readonly #blobs: Blobs;
  readonly #results: Results;
  readonly #space: Space;
  readonly #clock: Clock;
  readonly #onFutile: () => void;
  #passing = false;
  #closed = false;
  /** Until then (monotonic ms) looking again would find nothing again. */
  #futileUntilMs = 0;

  constructor(options: EvictionOptions) {
    this.#blobs = options.blobs;
    this.#results = options.results;
    this.#space = options.space;
    this.#clock = options.clock;
    this.#onFutile = options.onFutile;
  }

  /** @returns whether `bytes` fit now */
  makeRoom(bytes: number): boolean {
    if (bytes <= this.#space.free) return true;
    if (bytes > this.#space.maxBytes || this.#clock.monotonic() < this.#futileUntilMs) return false;
    for (const _ of this.#victims(LOOSE_MS)) if (bytes <= this.#space.free) return true;
    this.#onFutile();
    this.#futileUntilMs = this.#clock.monotonic() + FUTILE_MS;
    return false;
  }

  /** Starts a pass in slices when the store is nearly full. */
  nudge(): void {
    if (this.#passing || this.#closed || this.#space.used <= this.#space.maxBytes * HIGH) return;
    if (this.#clock.monotonic() < this.#futileUntilMs) return;
    this.#passing = true;
    setImmediate(() => this.#slice(this.#victims(LOOSE_MS)));
  }

  /**
   * Evicts, in slices, until `isDone` says so.
   *
   * @param isDone asked before each result, with the time of its last use
   */
  async run(isDone: (nextTick: number) => boolean, looseMs = LOOSE_MS): Promise<void> {
    const slices = new Slices(this.#clock);
    for (const _ of this.#victims(looseMs, isDone)) await slices.pause();
  }

  /** Takes away blobs whose result never came. */
  dropStale(): void {
    for (const _ of this.#staleLoose(LOOSE_MS));
  }

  /** A pin went: what could not be evicted may be now. */
  retry(): void {
    this.#futileUntilMs = 0;
  }

  close(): void {
    this.#closed = true;
  }

  #slice(victims: Generator<void>): void {
    const startedMs = this.#clock.monotonic();
    while (!this.#closed && this.#space.used > this.#space.maxBytes * LOW) {
      if (victims.next().done) {
        this.#futileUntilMs = this.#clock.monotonic() + FUTILE_MS;
        break;
      }
      if (this.#clock.monotonic() - startedMs < SLICE_MS) continue;
      setImmediate(() => this.#slice(victims));
      return;
    }
    this.#passing = false;
  }

  /** Each step takes something away. */
  *#victims(looseMs: number, isDone = (_nextTick: number) => false): Generator<void> {
    yield* this.#staleLoose(looseMs);
    for (const { key, tick } of this.#results.oldest()) {
      if (isDone(tick)) return;
      if (this.#results.isPinned(key as Digest)) continue;
      this.#results.dropKey(key as Digest);
      yield;
    }
  }

  *#staleLoose(looseMs: number): Generator<void> {
    const oldEnough = this.#clock.now() - looseMs;
    for (const [digest, since] of this.#blobs.loose) {
      if (since > oldEnough || this.#blobs.pins.has(digest)) continue;
      this.#blobs.dropLoose(digest);
      yield;
    }
  }
}

/** The background pass starts above the first and ends below the second share of `maxBytes`. */
const HIGH = 0.95;
const LOW = 0.85;
const SLICE_MS = 3;
const FUTILE_MS = 1000;
/** A blob waits this long for the result that names it. */
const LOOSE_MS = 10 * 60 * 1000;
