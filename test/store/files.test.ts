import {
  chmodSync,
  linkSync,
  mkdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Hasher } from '../../src/base/digest.js';
import { bytes, hasher, named, openStore, temporaryFolder } from './fixture.js';

/** Counts whole-content hashes. */
function counting(): Hasher & { count: number } {
  return {
    count: 0,
    hash(data) {
      this.count++;
      return hasher.hash(data);
    },
    stream() {
      this.count++;
      return hasher.stream();
    },
  };
}

function statText(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs, mode } = statSync(path, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}:${mode.toString(8)}`;
}

describe('digests of files', () => {
  it('are remembered once the file is older than the clock is coarse, also over a restart', async () => {
    const counted = counting();
    const { store, path: root } = await openStore({ hasher: counted });
    const path = join(temporaryFolder(), 'lib.rs');
    writeFileSync(path, 'fn main() {}');
    await sleep(60);
    expect(store.fileDigest(path)).toBe(named('fn main() {}'));
    expect(store.fileDigest(path)).toBe(named('fn main() {}'));
    expect(await store.fileDigestAsync(path)).toBe(named('fn main() {}'));
    expect(counted.count).toBe(1);
    await store.close();
    const { store: again } = await openStore({ path: root, hasher: counted });
    expect(again.fileDigest(path)).toBe(named('fn main() {}'));
    expect(counted.count).toBe(1);
  });

  it('see two saves of one size within one tick of the clock', async () => {
    const { store } = await openStore();
    const path = join(temporaryFolder(), 'lib.rs');
    for (let round = 0; round < 300; round++) {
      const text = String(round).padStart(8, '0');
      writeFileSync(path, text);
      expect(store.fileDigest(path)).toBe(named(text));
    }
  });

  it('are never remembered for a time in the future or a whole second just gone', async () => {
    const counted = counting();
    const { store } = await openStore({ hasher: counted });
    const path = join(temporaryFolder(), 'lib.rs');
    writeFileSync(path, 'a');
    const later = Math.floor(Date.now() / 1000) + 3600;
    utimesSync(path, later, later);
    await sleep(60);
    store.fileDigest(path);
    store.fileDigest(path);
    expect(counted.count).toBe(2);
    const now = Math.floor(Date.now() / 1000);
    utimesSync(path, now, now);
    await sleep(60);
    store.fileDigest(path);
    store.fileDigest(path);
    expect(counted.count).toBe(4);
  });

  it('notice new content under a forged mtime', async () => {
    const { store } = await openStore();
    const path = join(temporaryFolder(), 'lib.rs');
    writeFileSync(path, 'a');
    utimesSync(path, 1_600_000_000.5, 1_600_000_000.5);
    await sleep(60);
    expect(store.fileDigest(path)).toBe(named('a'));
    writeFileSync(path, 'b');
    utimesSync(path, 1_600_000_000.5, 1_600_000_000.5);
    expect(store.fileDigest(path)).toBe(named('b'));
  });

  it('are undefined for what is no regular file, and follow links to one', async () => {
    const { store } = await openStore();
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'd'));
    writeFileSync(join(folder, 'f'), 'x');
    symlinkSync('f', join(folder, 'l'));
    symlinkSync('loop', join(folder, 'loop'));
    expect(store.fileDigest(join(folder, 'd'))).toBeUndefined();
    expect(store.fileDigest(join(folder, 'f/x'))).toBeUndefined();
    expect(store.fileDigest(join(folder, 'none'))).toBeUndefined();
    expect(store.fileDigest(join(folder, 'loop'))).toBeUndefined();
    expect(store.fileDigest(join(folder, '\udc80'))).toBeUndefined();
    expect(await store.fileDigestAsync(join(folder, 'none'))).toBeUndefined();
    expect(store.fileDigest(join(folder, 'l'))).toBe(named('x'));
  });

  it('of large files are hashed beside other calls', async () => {
    const { store } = await openStore();
    const path = join(temporaryFolder(), 'large');
    const content = bytes(3 << 20, 1);
    writeFileSync(path, content);
    expect(await store.fileDigestAsync(path)).toBe(hasher.hash(content));
  });

  it('are believed from the launcher, until the file changes', async () => {
    const counted = counting();
    const { store } = await openStore({ hasher: counted });
    const path = join(temporaryFolder(), 'libx.rmeta');
    writeFileSync(path, 'made');
    store.recordFile(path, statText(path), named('made'));
    expect(store.fileDigest(path)).toBe(named('made'));
    expect(counted.count).toBe(0);
    await sleep(30);
    writeFileSync(path, 'edit');
    expect(store.fileDigest(path)).toBe(named('edit'));
    store.recordFile(path, 'nonsense', named('made'));
    expect(store.fileDigest(path)).toBe(named('edit'));
  });

  it('hold while a file only gets and loses names, where their number was told', async () => {
    const counted = counting();
    const { store } = await openStore({ hasher: counted });
    const folder = temporaryFolder();
    const [told, untold] = [join(folder, 'told.rlib'), join(folder, 'untold.rlib')];
    for (const path of [told, untold]) writeFileSync(path, 'made');
    store.recordFile(told, statText(told), named('made'), 1);
    store.recordFile(untold, statText(untold), named('made'));
    await sleep(30);
    for (const path of [told, untold]) linkSync(path, `${path}-uplifted`);
    expect(store.fileDigest(told)).toBe(named('made'));
    expect(counted.count).toBe(0);
    expect(store.fileDigest(untold)).toBe(named('made'));
    expect(counted.count).toBe(1);
    linkSync(told, `${told}-again`);
    expect(store.fileDigest(told)).toBe(named('made'));
    expect(counted.count).toBe(1);
    // What was made long ago is looked at again.
    const [then, old] = [new Date(Date.now() - 90_000), join(folder, 'old.rlib')];
    writeFileSync(old, 'made');
    utimesSync(old, then, then);
    store.recordFile(old, statText(old), named('made'), 1);
    linkSync(old, `${old}-again`);
    expect(store.fileDigest(old)).toBe(named('made'));
    expect(counted.count).toBe(2);
    // Another ctime with the same names: rights were changed, or the mtime was set back.
    await sleep(30);
    chmodSync(told, 0o600);
    expect(store.fileDigest(told)).toBe(named('made'));
    expect(counted.count).toBe(3);
    await sleep(30);
    const { atime, mtime } = statSync(told);
    writeFileSync(told, 'edit');
    utimesSync(told, atime, mtime);
    expect(store.fileDigest(told)).toBe(named('edit'));
  });

  it('are believed from who read a file by a second name, once its content is old enough', async () => {
    const counted = counting();
    const { store } = await openStore({ hasher: counted });
    const folder = temporaryFolder();
    const stampOf = (path: string) => statText(path).split(':').slice(0, 5).join(':');
    const made = (name: string) => {
      writeFileSync(join(folder, name), 'made');
      return join(folder, name);
    };
    const old = made('old.rlib');
    const changed = made('changed.rlib');
    await sleep(60);
    linkSync(old, join(folder, 'held'));
    store.recordRead(old, stampOf(old), Date.now(), named('made'));
    expect(store.fileDigest(old)).toBe(named('made'));
    expect(counted.count).toBe(0);

    const before = stampOf(changed);
    writeFileSync(changed, 'edit');
    store.recordRead(changed, before, Date.now(), named('made'));
    expect(store.fileDigest(changed)).toBe(named('edit'));

    const young = made('young.rlib');
    store.recordRead(young, stampOf(young), Date.now(), named('other'));
    expect(store.fileDigest(young)).toBe(named('made'));
  });

  it('survive that a linked blob gets or loses a name elsewhere', async () => {
    const counted = counting();
    const { store } = await openStore({ hasher: counted });
    const path = join(temporaryFolder(), 'libx.rlib');
    writeFileSync(path, 'made');
    await store.putFile(path, { link: true });
    expect(counted.count).toBe(1);
    linkSync(path, `${path}.elsewhere`);
    expect(store.fileDigest(path)).toBe(named('made'));
    expect(counted.count).toBe(1);
    writeFileSync(path, 'edit');
    expect(store.fileDigest(path)).toBe(named('edit'));
  });
});

describe('tables', () => {
  it('keep values over a restart, apart from each other', async () => {
    const { store, path } = await openStore();
    store.table<{ n: number }>('one', { maxEntries: 10 }).put('k', { n: 1 });
    store.table<string>('two', { maxEntries: 10 }).put('k', 'v');
    expect(store.table('one', { maxEntries: 10 }).get('k')).toEqual({ n: 1 });
    await store.close();
    const { store: again } = await openStore({ path });
    const one = again.table('one', { maxEntries: 10 });
    expect([...one.entries()]).toEqual([['k', { n: 1 }]]);
    expect(again.table('two', { maxEntries: 10 }).get('k')).toBe('v');
    one.remove('k');
    expect(one.get('k')).toBeUndefined();
    expect([...one.entries()]).toEqual([]);
  });

  it('forget what was put longest ago when they are full', async () => {
    const { store, clock, path } = await openStore();
    const table = store.table<number>('small', { maxEntries: 32 });
    for (let at = 0; at < 100; at++) {
      clock.aheadMs++;
      table.put(`k${at}`, at);
      if (at % 10 === 0) table.put('k0', at);
      if (at === 50) await store.flush();
    }
    const left = [...table.entries()].map(([key]) => key);
    expect(left.length).toBeLessThanOrEqual(32);
    expect(left).toEqual(expect.arrayContaining(['k0', 'k99', 'k80']));
    expect(table.get('k20')).toBeUndefined();
    await store.close();
    const { store: again } = await openStore({ path });
    expect([...again.table('small', { maxEntries: 32 }).entries()]).toHaveLength(left.length);
  });

  it('do not keep what cannot be a key', async () => {
    const { store } = await openStore();
    const table = store.table<number>('small', { maxEntries: 10 });
    for (const key of ['a\0b', '\udc80', 'x'.repeat(2000)]) {
      table.put(key, 1);
      expect(table.get(key)).toBeUndefined();
    }
    table.put('😀'.repeat(300), 2);
    expect(await store.flush()).toBe(true);
    expect(table.get('😀'.repeat(300))).toBe(2);
  });
});
