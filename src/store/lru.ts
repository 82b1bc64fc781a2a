/**
 * Recently used entries, in two generations: when the young one is full, the old one is forgotten
 * and the young one takes its place. A hit costs a look-up; strict order would cost two more writes.
 */
export class Lru<V> {
  readonly #maxEntries: number;
  readonly #maxWeight: number;
  #young = new Map<string, { value: V; weight: number }>();
  #old = new Map<string, { value: V; weight: number }>();
  #youngWeight = 0;

  /** Bounds of both generations together; a weight is a caller's estimate of bytes. */
  constructor(bounds: { maxEntries: number; maxWeight?: number }) {
    this.#maxEntries = bounds.maxEntries / 2;
    this.#maxWeight = (bounds.maxWeight ?? Number.POSITIVE_INFINITY) / 2;
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young) return young.value;
    const old = this.#old.get(key);
    if (!old) return undefined;
    this.#old.delete(key);
    this.set(key, old.value, old.weight);
    return old.value;
  }

  set(key: string, value: V, weight = 1): void {
    this.delete(key);
    if (this.#young.size + 1 > this.#maxEntries || this.#youngWeight + weight > this.#maxWeight) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngWeight = 0;
      if (this.#maxEntries < 1 || weight > this.#maxWeight) return;
    }
    this.#young.set(key, { value, weight });
    this.#youngWeight += weight;
  }

  delete(key: string): void {
    this.#youngWeight -= this.#young.get(key)?.weight ?? 0;
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
