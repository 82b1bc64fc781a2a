import type { OpenIndex } from './environment.js';
import { jsonCodec } from './records.js';
import { Rows } from './rows.js';

/**
 * When each key of one table was last used, in milliseconds since the epoch, and the keys from the
 * longest unused on. A touch costs a map entry; batches go to the index.
 */
export class Recency {
  readonly #used: Rows<number>;
  /** `tick/key` → nothing: LMDB keeps it in order. */
  readonly #order: Rows<0>;
  /** Touched since the last batch, in the order of touching. */
  #touched = new Map<string, number>();

  constructor(index: OpenIndex, table: string) {
    const prefix = `${table}/`;
    this.#used = new Rows<number>(index, 'used', { codec: jsonCodec(), maxCached: 4096, prefix });
    this.#order = new Rows<0>(index, 'order', { codec: jsonCodec(), maxCached: 0, prefix });
  }

  touch(key: string, tick: number): void {
    this.#touched.delete(key);
    this.#touched.set(key, Math.max(0, Math.floor(tick)));
    if (this.#touched.size >= 4 * BATCH) this.flush(BATCH);
  }

  lastUsed(key: string): number | undefined {
    return this.#touched.get(key) ?? this.#used.get(key);
  }

  forget(key: string): void {
    this.#touched.delete(key);
    const tick = this.#used.get(key);
    if (tick === undefined) return;
    this.#used.remove(key);
    this.#order.remove(orderKey(tick, key));
  }

  /** From the longest unused on. Keys may be touched and forgotten meanwhile. */
  *oldest(): Generator<{ key: string; tick: number }> {
    for (const row of this.#order.keys()) {
      const { key, tick } = parseOrderKey(row);
      if (this.#touched.has(key)) continue;
      if (this.#used.get(key) === tick) yield { key, tick };
      else this.#order.remove(row);
    }
    for (const [key, tick] of Array.from(this.#touched)) {
      if (this.#touched.get(key) === tick) yield { key, tick };
    }
  }

  /** The keys used last, the latest first. After a crash an old place of a key may count as well. */
  newest(limit: number): string[] {
    const touched = [...this.#touched.keys()].toReversed();
    const noted = this.#order.lastKeys(limit).map((row) => row.slice(TICK_DIGITS + 1));
    return [...new Set([...touched, ...noted])].slice(0, limit);
  }

  /** Moves touches (all of them unless told) into the index. */
  flush(limit = Number.POSITIVE_INFINITY): void {
    for (const [key, tick] of this.#touched) {
      if (limit-- <= 0) break;
      const before = this.#used.get(key);
      if (before !== tick) {
        if (before !== undefined) this.#order.remove(orderKey(before, key));
        this.#order.put(orderKey(tick, key), 0);
        this.#used.put(key, tick);
      }
      this.#touched.delete(key);
    }
  }
}

const BATCH = 256;
const TICK_DIGITS = 15;

/** How rows of `order` are called; LMDB sorts them by time. */
export function orderKey(tick: number, key: string): string {
  return `${String(tick).padStart(TICK_DIGITS, '0')}/${key}`;
}

export function parseOrderKey(row: string): { key: string; tick: number } {
  return { key: row.slice(TICK_DIGITS + 1), tick: Number.parseInt(row, 10) };
}
