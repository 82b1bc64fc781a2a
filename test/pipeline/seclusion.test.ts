import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import { Seclusion } from '../../src/daemon/seclusion.js';

/** How long one look through the store keeps the processor. */
const WORK_MS = 60;
const ROWS = 12;

/** A store with one result of each crate, slow to read. */
function slowStore(crates: readonly string[]) {
  const nothing = { inputs: [], env: [], absent: [], listed: [], observed: [], bound: [] };
  const withheld = new Set<string>();
  let searches = 0;
  let end = () => {};
  const firstSearch = new Promise<void>((resolve) => {
    end = resolve;
  });
  const seclusion = new Seclusion(
    {
      *shareable() {
        searches += 1;
        for (let at = 0; at < ROWS; at += 1) {
          spin(WORK_MS / ROWS);
          yield undefined;
        }
        for (const crateName of crates) {
          const manifest = { schema: 1 as const, ...nothing };
          yield { unitKey: crateName as Digest, crateName, manifest };
        }
        end();
      },
      withhold: (key) => withheld.add(key),
    },
    { entries: () => [], put: () => {} },
  );
  return { seclusion, withheld, firstSearch, searches: () => searches };
}

function spin(ms: number): void {
  const untilMs = performance.now() + ms;
  let nowMs = untilMs - ms;
  while (nowMs < untilMs) nowMs = performance.now();
}

const PATIENT = { timeout: 10_000 };

describe('what was stored before of private crates', () => {
  it('is looked for at once for the first name, and once for all that follow soon', async () => {
    const crates = Array.from({ length: 30 }, (_, at) => `crate_${at}`);
    const { seclusion, withheld, firstSearch, searches } = slowStore(crates);
    seclusion.add('crate_0', []);
    await firstSearch;
    expect([...withheld]).toEqual(['crate_0']);
    for (const crate of crates) {
      seclusion.add(crate, []);
      await turn();
    }
    await expect.poll(() => withheld.size, PATIENT).toBe(crates.length);
    expect(searches()).toBe(2);
    await seclusion.stop();
  });

  it('is found although the crate is shared again before it was looked for', async () => {
    const { seclusion, withheld, firstSearch } = slowStore(['first', 'app']);
    seclusion.add('first', []);
    await firstSearch;
    seclusion.add('app', []);
    seclusion.published('app');
    await expect.poll(() => withheld.has('app'), PATIENT).toBe(true);
    await seclusion.stop();
  });

  it('is not looked for any more once the node stops', async () => {
    const { seclusion, withheld, firstSearch, searches } = slowStore(['first', 'app']);
    seclusion.add('first', []);
    await firstSearch;
    seclusion.add('app', []);
    await seclusion.stop();
    expect([searches(), withheld.has('app')]).toEqual([1, false]);
  });
});
