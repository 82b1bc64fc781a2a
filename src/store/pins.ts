import type { Digest } from '../base/digest.js';

/** Blobs that are being restored or served: nothing takes them away meanwhile. */
export class Pins {
  readonly #counts = new Map<Digest, number>();
  readonly #onFree: (digest: Digest) => void;

  /** @param onFree called when the last pin of a blob goes */
  constructor(onFree: (digest: Digest) => void) {
    this.#onFree = onFree;
  }

  has(digest: Digest): boolean {
    return this.#counts.has(digest);
  }

  pin(digests: Iterable<Digest>): Disposable {
    let held: Digest[] = [...digests];
    for (const digest of held) this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const released = held;
        held = [];
        for (const digest of released) this.#unpin(digest);
      },
    };
  }

  #unpin(digest: Digest): void {
    const count = (this.#counts.get(digest) ?? 1) - 1;
    if (count > 0) {
      this.#counts.set(digest, count);
      return;
    }
    this.#counts.delete(digest);
    this.#onFree(digest);
  }
}
