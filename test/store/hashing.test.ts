import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  digestOf,
  hashFile,
  hashFileAsync,
  openHasher,
  openNativeHasher,
  openWasmHasher,
} from '../../src/store/hashing.js';
import { bytes, temporaryFolder } from './fixture.js';

const EMPTY = 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262';
const ABC = '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85';

describe.each([
  ['native', openNativeHasher],
  ['WebAssembly', openWasmHasher],
])('the %s hasher', (_, open) => {
  it('gives the published BLAKE3 digests', async () => {
    const hasher = await open();
    expect(hasher.hash('')).toBe(EMPTY);
    expect(hasher.hash(new Uint8Array())).toBe(EMPTY);
    expect(hasher.hash('abc')).toBe(ABC);
    expect(hasher.hash(Buffer.from('abc'))).toBe(ABC);
    expect(hasher.stream().digest()).toBe(EMPTY);
  });

  it('agrees with itself however the input is cut', async () => {
    const hasher = await open();
    const input = bytes(3_000_001, 1);
    const stream = hasher.stream();
    for (let at = 0; at < input.length; at += 70_001) {
      stream.update(input.subarray(at, at + 70_001));
    }
    expect(stream.digest()).toBe(hasher.hash(input));
  });

  it('hashes more than 16 MB at once', async () => {
    const hasher = await open();
    const input = Buffer.alloc(40 << 20, 7);
    const stream = hasher.stream();
    stream.update(input);
    expect(stream.digest()).toBe(hasher.hash(input));
  });

  it('opens 10,000 streams one after another', async () => {
    const hasher = await open();
    for (let round = 0; round < 10_000; round++) {
      const stream = hasher.stream();
      stream.update(Buffer.from('abc'));
      if (stream.digest() !== ABC) throw new Error(`round ${round} went wrong`);
    }
  });

  it('takes text as UTF-8, broken surrogates included', async () => {
    const hasher = await open();
    for (const text of ['grün', '日本', '😀', '\ud800x']) {
      expect(hasher.hash(text)).toBe(hasher.hash(Buffer.from(text, 'utf8')));
    }
  });
});

it('both hashers agree, and one of them opens', async () => {
  const [native, wasm, any] = [
    await openNativeHasher(),
    await openWasmHasher(),
    await openHasher(),
  ];
  for (const size of [1, 63, 64, 65, 1023, 1024, 1025, 1 << 20, (1 << 20) + 1]) {
    const input = bytes(size, size);
    expect(wasm.hash(input)).toBe(native.hash(input));
    expect(any.hash(input)).toBe(native.hash(input));
  }
});

describe('hashing files', () => {
  it('gives the digest and the bytes read, at once or in turns', async () => {
    const hasher = await openHasher();
    const folder = temporaryFolder();
    for (const size of [0, 1, 4096, 1 << 20, (1 << 20) + 1, 5 << 20]) {
      const content = bytes(size, size + 1);
      const path = join(folder, String(size));
      writeFileSync(path, content);
      const expected = { digest: hasher.hash(content), size };
      expect(hashFile(hasher, path)).toEqual(expected);
      expect(await hashFileAsync(hasher, path)).toEqual(expected);
    }
  });

  it('leaves other calls their turn while a large file is hashed', async () => {
    const hasher = await openHasher();
    const path = join(temporaryFolder(), 'large');
    writeFileSync(path, Buffer.alloc(64 << 20, 1));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await hashFileAsync(hasher, path);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it('throws for what cannot be read', async () => {
    const hasher = await openHasher();
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'd'));
    expect(() => hashFile(hasher, join(folder, 'none'))).toThrow('ENOENT');
    expect(() => hashFile(hasher, join(folder, 'd'))).toThrow('EISDIR');
    await expect(hashFileAsync(hasher, join(folder, 'none'))).rejects.toThrow('ENOENT');
  });
});

it('names a value by its canonical JSON', async () => {
  const hasher = await openHasher();
  expect(digestOf(hasher, { b: 1, a: [2] })).toBe(hasher.hash('{"a":[2],"b":1}'));
});
