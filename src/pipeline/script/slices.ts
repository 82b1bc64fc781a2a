import { setImmediate as turn } from 'node:timers/promises';

/** Gives other calls their turn after so many steps of a long piece of work. */
export class Slices {
  #steps = 0;

  async pause(): Promise<void> {
    if (++this.#steps % STEPS === 0) await turn();
  }
}

/** Files looked at or packed: some milliseconds. */
const STEPS = 16;
