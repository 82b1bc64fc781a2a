/** Idle buffers that are kept. */
const MAX_KEPT = 2;

/**
 * Buffers of one size, used again: for memory outside of its heap V8 collects all of it every few
 * dozen megabytes, which costs more than what the buffers are for.
 */
export class BufferPool {
  readonly #bytes: number;
  readonly #idle: Buffer[] = [];

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Its content is whatever was there. */
  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
  }

  /** Nothing may read or write it any more. */
  give(buffer: Buffer): void {
    if (this.#idle.length < MAX_KEPT) this.#idle.push(buffer);
  }
}
