import type { Clock } from '../base/clock.js';
import type { OpenIndex } from './environment.js';
import { Recency } from './recency.js';
import { jsonCodec } from './records.js';
import { Rows } from './rows.js';

/** A small persistent map. It may forget: when full, the entries put longest ago go. */
export interface Table<T> {
  /** The value is shared: do not change it, put another. */
  get(key: string): T | undefined;
  /** A key over 600 characters, with NUL or with a lone surrogate is not kept. */
  put(key: string, value: T): void;
  remove(key: string): void;
  entries(): Iterable<[key: string, value: T]>;
}

export interface TableOptions {
  maxEntries: number;
  /** Decoded values kept in memory; 4,096 unless told. */
  maxCached?: number;
}

/** @param name letters, digits and dashes */
export function openTable<T>(
  index: OpenIndex,
  clock: Clock,
  name: string,
  { maxEntries, maxCached = 4096 }: TableOptions,
): Table<T> & { flush(): void } {
  if (!/^[a-z0-9-]+$/.test(name)) throw new RangeError(`not a table name: ${name}`);
  const prefix = `${name}/`;
  const rows = new Rows<T>(index, 'tables', { codec: jsonCodec(), maxCached, prefix });
  const recency = new Recency(index, `t-${name}`);
  let count: number | undefined;

  const remove = (key: string): void => {
    if (!isUsable(key) || rows.get(key) === undefined) return;
    if (count !== undefined) count--;
    rows.remove(key);
    recency.forget(key);
  };
  // A sixteenth at a time, so that a full table does not look for its oldest at every put.
  const shrink = (): void => {
    let spare = Math.max(1, Math.floor(maxEntries / 16));
    for (const { key } of recency.oldest()) {
      if (spare-- <= 0) break;
      remove(key);
    }
  };
  return {
    get: (key) => (isUsable(key) ? rows.get(key) : undefined),
    put(key, value) {
      if (!isUsable(key)) return;
      count ??= rows.count();
      if (rows.get(key) === undefined) count++;
      rows.put(key, value);
      recency.touch(key, clock.now());
      if (count > maxEntries) shrink();
    },
    remove,
    entries: () => rows.entries(),
    flush: () => recency.flush(),
  };
}

const UNUSABLE = /[\0\uD800-\uDFFF]/u;

/** LMDB takes keys of 1,978 bytes of UTF-8 without NUL, and we add a prefix. */
function isUsable(key: string): boolean {
  return key.length <= 600 && !UNUSABLE.test(key);
}
