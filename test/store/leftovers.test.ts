import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore, temporaryFolder } from './fixture.js';

/** No process has an id above the kernel's highest. */
const GONE = 4_194_305;
const PATIENT = { timeout: 10_000 };

/** A store's path, and what a node that was killed left in its `tmp/`: a store that was to be deleted. */
async function storeWithLeftovers() {
  const { store, path } = await openStore();
  await store.close();
  const left = join(path, 'tmp', `${GONE}-0123456789ab-1`);
  for (let folder = 0; folder < 40; folder += 1) {
    mkdirSync(join(left, String(folder)), { recursive: true });
    for (let file = 0; file < 25; file += 1) writeFileSync(join(left, `${folder}/${file}`), '');
  }
  return { path, left };
}

describe('what ended processes left', () => {
  it('keeps nobody waiting, and goes', async () => {
    const { path, left } = await storeWithLeftovers();
    const { store } = await openStore({ path });
    expect(readdirSync(left)).toHaveLength(40);
    expect(store.stats().results).toBe(0);
    await expect.poll(() => existsSync(left), PATIENT).toBe(false);
  });

  it('goes alone: what the node makes meanwhile stays, whatever it is called', async () => {
    const { path, left } = await storeWithLeftovers();
    const { store } = await openStore({ path });
    const own = [
      store.tmpPath(),
      join(path, 'tmp/mesh-00112233'),
      join(path, 'tmp', `${GONE}-9-1`),
    ];
    for (const file of own) writeFileSync(file, 'on its way');
    await expect.poll(() => existsSync(left), PATIENT).toBe(false);
    await store.close();
    expect(own.map((file) => existsSync(file))).toEqual([true, true, true]);
  });

  it('goes without what a link in it leads to', async () => {
    const { path } = await storeWithLeftovers();
    const elsewhere = temporaryFolder();
    writeFileSync(join(elsewhere, 'kept'), '');
    symlinkSync(elsewhere, join(path, 'tmp', `${GONE}-2-1`));
    mkdirSync(join(path, 'tmp', `${GONE}-3-1`));
    symlinkSync(elsewhere, join(path, 'tmp', `${GONE}-3-1/link`));
    await openStore({ path });
    await expect.poll(() => readdirSync(join(path, 'tmp')), PATIENT).toEqual([]);
    expect(readdirSync(elsewhere)).toEqual(['kept']);
  });

  it('waits for the next open where the store is closed at once', async () => {
    const { path, left } = await storeWithLeftovers();
    const { store } = await openStore({ path });
    await store.close();
    const still = readdirSync(left).length;
    expect(still).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readdirSync(left)).toHaveLength(still);
    await openStore({ path });
    await expect.poll(() => existsSync(left), PATIENT).toBe(false);
  });
});
