/** Milliseconds without a caller after which a build counts as over; cargo's next call takes few. */
const QUIET_MS = 40;
/** Held files cost no bytes, but a result must come to be some time. */
const PATIENCE_MS = 10_000;

/**
 * Puts off what nobody waits for until no caller does wait: while somebody edits, hashing and
 * storing would take processor time from the very compilers that they wait for.
 */
export class Lull {
  #busy = 0;
  #quiet: NodeJS.Timeout | undefined;
  readonly #waiting = new Set<() => void>();

  /** Somebody waits for the node or for a compiler, until it is disposed of (twice does no harm). */
  begin(): Disposable {
    this.#busy++;
    clearTimeout(this.#quiet);
    let over = false;
    return {
      [Symbol.dispose]: () => {
        if (over) return;
        over = true;
        this.#busy--;
        this.#watch();
      },
    };
  }

  /**
   * Ends when nobody waits for anything, when somebody hurries, or after ten seconds.
   *
   * @param wanted each ends it for this one alone
   */
  async next(...wanted: (Promise<void> | undefined)[]): Promise<void> {
    let patience: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#waiting.delete(resolve);
        resolve();
      };
      this.#waiting.add(resolve);
      patience = setTimeout(end, PATIENCE_MS);
      for (const each of wanted) void each?.then(end);
      this.#watch();
    });
    clearTimeout(patience);
  }

  /** What was put off is wanted now. */
  hurry(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #watch(): void {
    clearTimeout(this.#quiet);
    if (this.#busy > 0 || this.#waiting.size === 0) return;
    this.#quiet = setTimeout(() => this.hurry(), QUIET_MS);
  }
}
