import { mkdtemp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const MEET_MS = 30_000;
/** What a second machine does not have. */
const OF_A_NODE = ['l2', 'state', 'stats.json'];

/**
 * Starts the nodes again, and waits until they are connected.
 *
 * @param emptied which of them has nothing stored then
 * @param configure is called while none of them runs
 */
export async function beginAnew(people, { emptied, signal, configure }) {
  for (const person of people) await person.vrift(['stop']);
  if (emptied !== undefined) await empty(emptied);
  await configure?.();
  for (const person of people) await person.start();
  const deadline = performance.now() + MEET_MS;
  for (const person of people) {
    while ((await person.vrift(['peers'])).every(({ state }) => state !== 'connected')) {
      if (performance.now() > deadline) throw new Error('the two nodes did not meet again');
      await wait(100, undefined, { signal });
    }
  }
  await wait(1_000, undefined, { signal });
}

/** Deleting would slow down whoever makes files next. */
async function empty({ vriftHome }) {
  const old = await mkdtemp(`${vriftHome}-old-`);
  for (const part of OF_A_NODE) {
    await rename(join(vriftHome, part), join(old, part)).catch(ignoreMissing);
  }
}

function ignoreMissing(error) {
  if (error.code !== 'ENOENT') throw error;
}
