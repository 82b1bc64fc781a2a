import type { DatabaseName, Dirty, OpenIndex, TextDatabase } from './environment.js';
import { Lru } from './lru.js';
import type { Codec } from './records.js';

interface Cell<T> {
  value: T | undefined;
}

export interface RowsOptions<T> {
  codec: Codec<T>;
  /** Decoded values kept in memory. */
  maxCached: number;
  maxCachedWeight?: number;
  weigh?: (value: T) => number;
  /** Several tables share one database when each has its own prefix. */
  prefix?: string;
}

/**
 * One table of the index: what was put is visible at once and written a moment later; what was
 * read stays decoded. Values are shared, so nobody may change one: put a new value instead.
 */
export class Rows<T> implements Dirty {
  readonly #index: OpenIndex;
  readonly #database: TextDatabase;
  readonly #options: RowsOptions<T>;
  readonly #prefix: string;
  readonly #cache: Lru<T>;
  /** Everything not committed yet. */
  readonly #overlay = new Map<string, Cell<T>>();
  /** The part of the overlay that LMDB has not been given yet. */
  #changed = new Map<string, Cell<T>>();

  constructor(index: OpenIndex, name: DatabaseName, options: RowsOptions<T>) {
    this.#index = index;
    this.#database = index.database(name);
    this.#options = options;
    this.#prefix = options.prefix ?? '';
    this.#cache = new Lru({
      maxEntries: options.maxCached,
      ...(options.maxCachedWeight === undefined ? {} : { maxWeight: options.maxCachedWeight }),
    });
  }

  get(key: string): T | undefined {
    const cell = this.#overlay.get(key);
    if (cell) return cell.value;
    return this.#cache.get(key) ?? this.#load(key);
  }

  put(key: string, value: T): void {
    this.#cache.set(key, value, this.#options.weigh?.(value));
    this.#change(key, value);
  }

  remove(key: string): void {
    this.#cache.delete(key);
    this.#change(key, undefined);
  }

  /**
   * Keys in order, then those that were not committed when it started, in theirs. It may be left
   * waiting: rows put or removed meanwhile may be missed or named still, no other.
   */
  *keys(within = ''): Generator<string> {
    const start = this.#prefix + within;
    const uncommitted = new Set(this.#overlay.keys());
    let after: string | undefined;
    for (;;) {
      const page = this.#page(start, after);
      for (const full of page) {
        const key = full.slice(this.#prefix.length);
        uncommitted.delete(key);
        if (!this.#isRemoved(key)) yield key;
      }
      if (page.length < PAGE) break;
      after = page.at(-1);
    }
    for (const key of [...uncommitted].sort()) {
      if (key.startsWith(within) && !this.#isRemoved(key)) yield key;
    }
  }

  /** The last keys, from the last one on. */
  lastKeys(limit: number): string[] {
    const changed = [...this.#overlay].map(([key, { value }]) => ({
      key,
      gone: value === undefined,
    }));
    const gone = new Set(changed.filter((cell) => cell.gone).map(({ key }) => key));
    const range = { start: this.#prefix + LAST, end: this.#prefix, reverse: true };
    const page = { ...range, limit: limit + gone.size };
    const stored = this.#guard(() => [...this.#database.getKeys(page)]) ?? [];
    const committed = stored.map((full) => full.slice(this.#prefix.length));
    const put = changed.filter((cell) => !cell.gone).map(({ key }) => key);
    return [...new Set([...committed.filter((key) => !gone.has(key)), ...put])]
      .sort()
      .toReversed()
      .slice(0, limit);
  }

  *entries(within = ''): Generator<[key: string, value: T]> {
    for (const key of this.keys(within)) {
      const value = this.#overlay.get(key)?.value ?? this.#peek(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** How many there are; what is not committed is looked up one by one. */
  count(): number {
    const range = { start: this.#prefix, end: this.#prefix + LAST };
    let count = this.#guard(() => this.#database.getKeysCount(range)) ?? 0;
    for (const [key, { value }] of this.#overlay) {
      const stored = this.#guard(() => this.#database.doesExist(this.#prefix + key)) ?? false;
      count += Number(value !== undefined) - Number(stored);
    }
    return count;
  }

  write(): ReturnType<Dirty['write']> {
    const batch = this.#changed;
    this.#changed = new Map();
    const puts: Promise<unknown>[] = [];
    for (const [key, { value }] of batch) {
      const full = this.#prefix + key;
      puts.push(
        value === undefined
          ? this.#database.remove(full)
          : this.#database.put(full, this.#options.codec.encode(value)),
      );
    }
    return { puts, settle: (ok) => this.#settle(batch, ok) };
  }

  #settle(batch: Map<string, Cell<T>>, ok: boolean): void {
    for (const [key, cell] of batch) {
      if (this.#overlay.get(key) !== cell) continue;
      if (ok) this.#overlay.delete(key);
      else this.#changed.set(key, cell);
    }
    if (this.#changed.size > 0) this.#index.schedule(this);
  }

  #change(key: string, value: T | undefined): void {
    const cell = { value };
    this.#overlay.set(key, cell);
    this.#changed.set(key, cell);
    this.#index.schedule(this);
  }

  #isRemoved(key: string): boolean {
    const cell = this.#overlay.get(key);
    return cell !== undefined && cell.value === undefined;
  }

  #load(key: string): T | undefined {
    const value = this.#peek(key);
    if (value !== undefined) this.#cache.set(key, value, this.#options.weigh?.(value));
    return value;
  }

  /** Reads without caching, for passes over everything; what cannot be decoded is dropped. */
  #peek(key: string): T | undefined {
    const text = this.#guard(() => this.#database.get(this.#prefix + key));
    if (text === undefined) return undefined;
    try {
      const value = this.#options.codec.decode(text);
      if (value !== undefined) return value;
    } catch {
      // Falls through: not even JSON.
    }
    this.#change(key, undefined);
    return undefined;
  }

  #page(start: string, after: string | undefined): string[] {
    const from = after === undefined ? { start } : { start: after, exclusiveStart: true };
    const range = { ...from, end: start + LAST, limit: PAGE };
    return this.#guard(() => [...this.#database.getKeys(range)]) ?? [];
  }

  #guard<R>(read: () => R): R | undefined {
    try {
      return read();
    } catch (error) {
      this.#index.fault(error);
      return undefined;
    }
  }
}

const PAGE = 256;
/** Sorts behind whatever a key goes on with. */
/** Sorts after every key. */
export const LAST = '\u{10ffff}';
