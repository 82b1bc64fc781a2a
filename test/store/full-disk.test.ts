import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atEnd, bytes, makeResult, openStore, temporaryFolder } from './fixture.js';

/** A file system of its own, or undefined where it cannot be mounted. */
function smallDisk(megabytes: number): string | undefined {
  const folder = temporaryFolder();
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', folder];
    execFileSync('mount', options, { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  atEnd(() => execFileSync('umount', ['-l', folder]));
  return folder;
}

describe('a full disk', () => {
  it('refuses blobs whole, keeps serving, and recovers when there is room', async (context) => {
    const disk = smallDisk(4);
    if (!disk && process.env.CI === 'true') throw new Error('CI must be able to mount a tmpfs');
    if (!disk) return context.skip();
    const path = join(disk, 'l2');
    const { store } = await openStore({ path, maxBytes: 1 << 30 });
    const blob = await store.putBytes(bytes(100_000, 1));
    const stored = makeResult({ outputs: [blob] });
    store.putResult(stored);
    await store.flush();
    const source = join(temporaryFolder(), 'large');
    writeFileSync(source, bytes(6 << 20, 2));
    const before = store.stats();
    for (const put of [
      () => store.putFile(source, { link: true }),
      () => store.putFile(source, { link: false }),
      () => store.putBytes(bytes(5 << 20, 3)),
    ]) {
      await expect(put()).rejects.toMatchObject({ code: 'VRIFT_STORE_FULL' });
      expect(readdirSync(join(path, 'tmp'))).toEqual([]);
    }
    expect(store.stats()).toEqual(before);
    expect(store.check(blob.digest, blob.size)).toBe('ok');

    fill(join(disk, 'ballast'));
    store.table<string>('t', { maxEntries: 10 }).put('k', 'v');
    expect(await store.flush()).toBe(false);
    expect(() => store.putResult(makeResult({ unit: 'b', outputs: [blob] }))).toThrow('disk full');
    expect(store.resultsOf(stored.result.resultKey)).toHaveLength(1);
    expect(store.table<string>('t', { maxEntries: 10 }).get('k')).toBe('v');

    writeFileSync(join(disk, 'ballast'), '');
    expect(await store.flush()).toBe(true);
    store.putResult(makeResult({ unit: 'b', outputs: [blob] }));
    await store.close();
    const { store: again } = await openStore({ path, maxBytes: 1 << 30 });
    expect(again.stats().results).toBe(2);
    expect(again.table<string>('t', { maxEntries: 10 }).get('k')).toBe('v');
  });

  it('copies a linked file across file systems', async (context) => {
    const disk = smallDisk(4);
    if (!disk && process.env.CI === 'true') throw new Error('CI must be able to mount a tmpfs');
    if (!disk) return context.skip();
    const { store } = await openStore({ path: join(disk, 'l2') });
    const source = join(temporaryFolder(), 'small');
    writeFileSync(source, 'hello');
    const { digest, size } = (await store.putFile(source, { link: true }))!;
    expect(store.check(digest, size)).toBe('ok');
  });
});

function fill(path: string): void {
  for (const size of [1 << 16, 1 << 12]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full for this size of piece.
    }
  }
}
