/** A sleep that can be cut short; a wake-up while nobody sleeps makes the next sleep empty. */
export class Pause {
  #wake: (() => void) | undefined;
  #awake = false;

  sleep(ms: number): Promise<void> {
    if (this.#awake) {
      this.#awake = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  wake(): void {
    if (this.#wake) this.#wake();
    else this.#awake = true;
  }
}
