/** Ends when other calls had their turn. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Gives other calls their turn after so many steps of a long piece of work. */
export class Slices {
  #steps = 0;

  async pause(): Promise<void> {
    if (++this.#steps % STEPS === 0) await turn();
  }
}

/** Files looked at or packed: some milliseconds. */
const STEPS = 16;
