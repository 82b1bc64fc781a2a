import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { BufferPool } from '../base/bufferPool.js';
import { canonicalJson } from '../base/canonical.js';
import { asDigest, type Digest, type Hasher, type HashStream } from '../base/digest.js';

/** Whichever BLAKE3 this machine can load: the native one, else WebAssembly. */
export async function openHasher(): Promise<Hasher> {
  try {
    return await openNativeHasher();
  } catch {
    return openWasmHasher();
  }
}

/** About 5 GB/s. @throws when there is no build of it for this platform. */
export async function openNativeHasher(): Promise<Hasher> {
  const { Blake3Hasher, blake3 } = await import('@napi-rs/blake-hash');
  return {
    hash: (data) => asDigest(blake3(bytesOf(data)).toString('hex')),
    stream() {
      const hasher = new Blake3Hasher();
      return {
        update: (bytes) => void hasher.update(bytes),
        digest: () => asDigest(hasher.digest('hex')),
      };
    },
  };
}

/** About 0.6 GB/s. Its heap is small and fixed: every hasher is freed, and input goes in pieces. */
export async function openWasmHasher(): Promise<Hasher> {
  const { createHash } = await import('blake3-wasm');
  type WasmHash = ReturnType<typeof createHash>;
  // A stream that is dropped before its digest (an aborted download) would otherwise never be freed.
  const abandoned = new FinalizationRegistry<WasmHash>((hash) => hash.dispose());
  const stream = (): HashStream => {
    const hash = createHash();
    const handle: HashStream = {
      update: (bytes) => feed(hash, bytes),
      digest() {
        abandoned.unregister(handle);
        return asDigest(hash.digest('hex'));
      },
    };
    abandoned.register(handle, hash, handle);
    return handle;
  };
  return {
    hash(data) {
      const hash = createHash();
      feed(hash, bytesOf(data));
      return asDigest(hash.digest('hex'));
    },
    stream,
  };
}

/** Digest of a value's canonical JSON: how manifests and results are named. */
export function digestOf(hasher: Hasher, value: unknown): Digest {
  return hasher.hash(canonicalJson(value));
}

export interface HashedFile {
  digest: Digest;
  /** Bytes read, which is what was hashed, whatever a stat says. */
  size: number;
}

/** From here on a file is hashed by `hashFileAsync`: reading 1 MB and hashing it takes ~0.4 ms. */
export const ASYNC_HASH_BYTES = 1 << 20;

const CHUNK_BYTES = 1 << 20;
/** For what reads a file in one go, and leaves nothing of it behind. */
let shared: Buffer | undefined;
const chunks = new BufferPool(CHUNK_BYTES);
// A FIFO put in the place of a file must not block the loop.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Hashes a whole file without leaving the event loop. @throws system errors */
export function hashFile(hasher: Hasher, path: string): HashedFile {
  const fd = openSync(path, READ_FLAGS);
  try {
    const expected = fstatSync(fd).size;
    shared ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
    // The buffer has one byte more than a small file: a short read is its end.
    const buffer = shared.subarray(0, Math.max(1, Math.min(CHUNK_BYTES, expected + 1)));
    let read = readSync(fd, buffer, 0, buffer.length, null);
    if (read < buffer.length) return { digest: hasher.hash(buffer.subarray(0, read)), size: read };
    const stream = hasher.stream();
    let size = 0;
    for (; read > 0; read = readSync(fd, buffer, 0, buffer.length, null)) {
      stream.update(buffer.subarray(0, read));
      size += read;
    }
    return { digest: stream.digest(), size };
  } finally {
    closeSync(fd);
  }
}

/** Hashes a whole file in awaited pieces of 1 MB: other calls get their turn. @throws system errors */
export async function hashFileAsync(hasher: Hasher, path: string): Promise<HashedFile> {
  const handle = await open(path, READ_FLAGS);
  const buffer = chunks.take();
  try {
    const stream = hasher.stream();
    let size = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return { digest: stream.digest(), size };
      stream.update(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
  } finally {
    chunks.give(buffer);
    await handle.close();
  }
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
}

function feed(hash: { update(bytes: Uint8Array): unknown }, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    hash.update(bytes.subarray(at, at + CHUNK_BYTES));
  }
}
