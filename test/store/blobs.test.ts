import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bytes, hasher, makeResult, NOWHERE, openStore, temporaryFolder } from './fixture.js';

function fileWith(content: string | Buffer): string {
  const path = join(temporaryFolder(), 'libx.rlib');
  writeFileSync(path, content);
  return path;
}

describe('putting files', () => {
  it('keeps a copy that later writes to the source do not reach', async () => {
    const { store } = await openStore();
    const path = fileWith('hello');
    const stored = await store.putFile(path, { link: false });
    expect(stored).toEqual({ digest: hasher.hash('hello'), size: 5 });
    writeFileSync(path, 'HELLO');
    expect(readFileSync(store.blobPath(hasher.hash('hello')), 'utf8')).toBe('hello');
    expect(store.check(hasher.hash('hello'), 5)).toBe('ok');
  });

  it('links where it may, and notices a write into the shared file', async () => {
    const { store, events } = await openStore();
    const path = fileWith('hello');
    const { digest } = (await store.putFile(path, { link: true }))!;
    expect(statSync(store.blobPath(digest)).ino).toBe(statSync(path).ino);
    expect(store.check(digest, 5)).toBe('ok');
    writeFileSync(path, 'HELLO');
    await sleep(60);
    expect(store.check(digest, 5)).toBe('gone');
    expect(existsSync(store.blobPath(digest))).toBe(false);
    expect(events.map((event) => event.code)).toEqual(['VRIFT_STORE_CORRUPT']);
  });

  it('does not mind other names of a linked blob, nor a new mtime over the same bytes', async () => {
    const { store, events } = await openStore();
    const path = fileWith('hello');
    const { digest } = (await store.putFile(path, { link: true }))!;
    linkSync(path, `${path}.2`);
    expect(store.check(digest, 5)).toBe('ok');
    utimesSync(path, 1_600_000_000, 1_600_000_000);
    expect(store.check(digest, 5)).toBe('ok');
    expect(store.check(digest, 5)).toBe('ok');
    expect(events).toEqual([]);
  });

  it('copies what may not settle: a file from the future', async () => {
    const { store } = await openStore();
    const path = fileWith('hello');
    const later = Date.now() / 1000 + 3600;
    utimesSync(path, later, later);
    const { digest } = (await store.putFile(path, { link: true }))!;
    expect(statSync(store.blobPath(digest)).ino).not.toBe(statSync(path).ino);
    expect(store.check(digest, 5)).toBe('ok');
  });

  it('never keeps a file read-only or executable', async () => {
    const { store } = await openStore();
    const path = fileWith('hello');
    chmodSync(path, 0o555);
    const { digest } = (await store.putFile(path, { link: false }))!;
    expect(lstatSync(store.blobPath(digest)).mode & 0o777).toBe(0o644);
  });

  it('keeps nothing of a file that is not what was expected', async () => {
    const { store, path: root } = await openStore();
    const put = store.putFile(fileWith('hello'), { link: false, expected: NOWHERE });
    await expect(put).rejects.toMatchObject({ code: 'VRIFT_STORE_CORRUPT' });
    expect(store.stats()).toMatchObject({ blobs: 0, bytes: 0 });
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
  });

  it('keeps nothing of a file that changes while it is read', async () => {
    const { store, path: root } = await openStore();
    const path = fileWith(Buffer.alloc(8 << 20, 1));
    const put = store.putFile(path, { link: false });
    writeFileSync(path, Buffer.alloc(9 << 20, 2));
    expect(await put).toBeUndefined();
    expect(store.stats()).toMatchObject({ blobs: 0, bytes: 0 });
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
  });

  it('keeps a file of which only the time changes while it is read', async () => {
    const { store } = await openStore();
    const path = fileWith(Buffer.alloc(8 << 20, 1));
    const put = store.putFile(path, { link: false });
    utimesSync(path, 1, 1);
    expect(await put).toMatchObject({ size: 8 << 20 });
    expect(store.stats()).toMatchObject({ blobs: 1 });
  });

  it('answers undefined for what is no regular file', async () => {
    const { store } = await openStore();
    expect(await store.putFile(temporaryFolder(), { link: false })).toBeUndefined();
    expect(await store.putFile('/nowhere/at/all', { link: true })).toBeUndefined();
  });

  it('counts one blob once, however often and by whichever way it comes', async () => {
    const { store } = await openStore();
    const content = bytes(10_000, 1);
    const path = fileWith(content);
    await Promise.all([
      store.putFile(path, { link: false }),
      store.putFile(path, { link: true }),
      store.putBytes(content),
    ]);
    const once = store.stats();
    await store.putFile(path, { link: true });
    await store.putBytes(content);
    expect(once.blobs).toBe(1);
    expect(store.stats()).toEqual(once);
  });

  it('leaves no temporary file when one inode comes twice', async () => {
    const { store, path: root } = await openStore();
    const path = fileWith('hello');
    const { digest } = (await store.putFile(path, { link: true }))!;
    unlinkSync(store.blobPath(digest));
    await store.putFile(path, { link: true });
    expect(store.check(digest, 5)).toBe('ok');
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
  });
});

describe('checking blobs', () => {
  it.each([
    ['a flipped bit', (path: string) => flipBit(path), true],
    ['a truncated file', (path: string) => truncateSync(path, 3), true],
    ['a longer file', (path: string) => writeFileSync(path, '!', { flag: 'a' }), true],
    ['a missing file', (path: string) => unlinkSync(path), true],
    ['a directory', replaceByFolder, false],
    ['a symbolic link', replaceByLink, true],
  ])('answers gone for %s, drops the entry and says so', async (_, damage, removable) => {
    const { store, events, clock } = await openStore();
    const { digest, size } = await store.putBytes(bytes(5000, 1));
    const stored = makeResult({ outputs: [{ digest, size }] });
    store.putResult(stored);
    damage(store.blobPath(digest));
    clock.aheadMs += 10_000;
    expect(store.check(digest, size)).toBe('gone');
    expect(store.check(digest, size)).toBe('gone');
    expect(store.resultsOf(stored.result.resultKey)).toEqual([]);
    expect(store.stats()).toMatchObject({ blobs: 0, bytes: 0, results: 0 });
    expect(events).toMatchObject([{ code: 'VRIFT_STORE_CORRUPT', digest }]);
    if (removable) expect(() => lstatSync(store.blobPath(digest))).toThrow('ENOENT');
  });

  it('answers gone for an unknown blob and for a wrong size, and keeps the right one', async () => {
    const { store } = await openStore();
    const { digest, size } = await store.putBytes(Buffer.from('hello'));
    expect(store.check(NOWHERE, 5)).toBe('gone');
    expect(store.check(digest, 6)).toBe('gone');
    expect(store.check(digest, size)).toBe('ok');
  });

  it('heals a result whose blob comes back', async () => {
    const { store } = await openStore();
    const blob = await store.putBytes(Buffer.from('hello'));
    const other = await store.putBytes(Buffer.from('other'));
    const stored = makeResult({ outputs: [blob, other] });
    store.putResult(stored);
    unlinkSync(store.blobPath(blob.digest));
    expect(store.check(blob.digest, 5)).toBe('gone');
    await store.putBytes(Buffer.from('hello'));
    expect(store.resultsOf(stored.result.resultKey)).toHaveLength(1);
    store.dropResult(stored.result.resultKey, stored.resultDigest);
    expect(store.stats()).toMatchObject({ blobs: 0, bytes: 0, results: 0 });
  });

  it('reads verified bytes, and none when a bit flipped behind the same stamp', async () => {
    const { store } = await openStore();
    const { digest } = await store.putBytes(Buffer.from('hello'));
    expect(store.readBlob(digest)?.toString()).toBe('hello');
    const { atimeMs, mtimeMs } = statSync(store.blobPath(digest));
    flipBit(store.blobPath(digest));
    utimesSync(store.blobPath(digest), atimeMs / 1000, mtimeMs / 1000);
    await sleep(60);
    expect(store.readBlob(digest, { verify: true })).toBeUndefined();
  });

  it('opens a blob for streaming', async () => {
    const { store } = await openStore();
    const { digest } = await store.putBytes(Buffer.from('hello'));
    const opened = (await store.openBlob(digest))!;
    expect(opened.size).toBe(5);
    expect((await opened.handle.readFile()).toString()).toBe('hello');
    await opened.handle.close();
    expect(await store.openBlob(NOWHERE)).toBeUndefined();
  });
});

describe('adopting fetched files', () => {
  it('takes the file over and uses up its reservation', async () => {
    const { store } = await openStore({ maxBytes: 40_000 });
    const content = bytes(20_000, 3);
    const reservation = store.reserve(20_000)!;
    const tmp = store.tmpPath();
    writeFileSync(tmp, content);
    store.adopt(tmp, hasher.hash(content), 20_000, reservation);
    expect(reservation.bytes).toBe(0);
    reservation[Symbol.dispose]();
    expect(existsSync(tmp)).toBe(false);
    expect(store.check(hasher.hash(content), 20_000)).toBe('ok');
    expect(store.stats().blobs).toBe(1);
  });

  it('refuses one longer or shorter than announced, and removes it', async () => {
    const { store } = await openStore();
    const tmp = store.tmpPath();
    writeFileSync(tmp, 'hello');
    expect(() => store.adopt(tmp, hasher.hash('hello'), 4)).toThrow('announced');
    expect(existsSync(tmp)).toBe(false);
    expect(store.stats().blobs).toBe(0);
  });
});

it('keeps its directories to itself', async () => {
  const { store, path } = await openStore();
  const { digest } = await store.putBytes(Buffer.from('hello'));
  for (const folder of ['cas', 'tmp', 'index', `cas/${digest.slice(0, 2)}`]) {
    expect(statSync(join(path, folder)).mode & 0o777).toBe(0o700);
  }
});

it('says what is wrong with a path that cannot hold a store', async () => {
  const file = fileWith('in the way');
  await expect(openStore({ path: join(file, 'l2') })).rejects.toMatchObject({
    code: 'VRIFT_STORE_UNUSABLE',
    message: expect.stringContaining(join(file, 'l2')),
  });
});

function flipBit(path: string): void {
  const content = readFileSync(path);
  content[1] = content[1]! ^ 1;
  writeFileSync(path, content);
}

function replaceByFolder(path: string): void {
  unlinkSync(path);
  mkdirSync(path);
}

function replaceByLink(path: string): void {
  unlinkSync(path);
  symlinkSync('/etc/hostname', path);
}
