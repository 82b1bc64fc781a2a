const FIRST_MS = 1_000;
const MAX_MS = 600_000;

/** How long a peer that sent something wrong is left alone: each time for twice as long. */
export class Penalty {
  readonly #monotonic: () => number;
  #ms = 0;
  #until = 0;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  get active(): boolean {
    return this.#monotonic() < this.#until;
  }

  /** Who behaved for long enough starts anew. */
  add(): void {
    const now = this.#monotonic();
    const isFirst = this.#ms === 0 || now - this.#until > MAX_MS;
    this.#ms = isFirst ? FIRST_MS : Math.min(this.#ms * 2, MAX_MS);
    this.#until = now + this.#ms;
  }
}
