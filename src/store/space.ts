/** Room promised to a writer before it starts. Dispose it when the write is over, either way. */
export interface Reservation extends Disposable {
  /** Bytes of it that are not used up yet. */
  readonly bytes: number;
}

/** What one blob takes: whole 4 KiB blocks, and its record in the index. */
export function blobCost(size: number): number {
  return Math.ceil(size / 4096) * 4096 + RECORD_BYTES;
}

const RECORD_BYTES = 512;

/** The hard bound: what is stored plus what is promised never exceeds `maxBytes`. */
export class Space {
  maxBytes: number;
  #used = 0;
  #reserved = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get used(): number {
    return this.#used;
  }

  /** Bytes still free; negative when the bound was lowered below what is there. */
  get free(): number {
    return this.maxBytes - this.#used - this.#reserved;
  }

  /** Only for a count that was made anew. */
  recount(used: number): void {
    this.#used = used;
  }

  /** Something was written. With a reservation its promise turns into use. */
  add(bytes: number, reservation?: Reservation): void {
    this.#used += bytes;
    if (reservation instanceof Promised) reservation.consume(bytes);
  }

  remove(bytes: number): void {
    this.#used = Math.max(0, this.#used - bytes);
  }

  /** Undefined when it does not fit. Making room is the caller's. */
  reserve(bytes: number): Reservation | undefined {
    if (bytes > this.free) return undefined;
    this.#reserved += bytes;
    return new Promised(bytes, (released) => {
      this.#reserved -= released;
    });
  }
}

class Promised implements Reservation {
  #bytes: number;
  readonly #release: (bytes: number) => void;

  constructor(bytes: number, release: (bytes: number) => void) {
    this.#bytes = bytes;
    this.#release = release;
  }

  get bytes(): number {
    return this.#bytes;
  }

  consume(bytes: number): void {
    const consumed = Math.min(bytes, this.#bytes);
    this.#bytes -= consumed;
    this.#release(consumed);
  }

  [Symbol.dispose](): void {
    this.consume(this.#bytes);
  }
}
