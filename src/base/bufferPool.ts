/**
 * Buffers of one size, used again: for memory outside of its heap V8 collects all of it every few
 * dozen megabytes, which costs more than what the buffers are for.
 */
export class BufferPool {
  readonly #bytes: number;
  readonly #kept: number;
  readonly #idle: Buffer[] = [];

  /** @param kept idle buffers that are not given up */
  constructor(bytes: number, kept = 2) {
    this.#bytes = bytes;
    this.#kept = kept;
  }

  /** Its content is whatever was there. */
  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
  }

  /** Nothing may read or write it any more. */
  give(buffer: Buffer): void {
    if (this.#idle.length < this.#kept) this.#idle.push(buffer);
  }
}
