import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { BufferPool } from '../base/bufferPool.js';
import type { Digest, Hasher, HashStream } from '../base/digest.js';
import { DiskFault, PeerFault } from './fault.js';

/** Records of TLS come 16 KB at a time; a write and a hash of that cost as much again as their bytes. */
const GATHER_BYTES = 256 * 1024;
const gathering = new BufferPool(GATHER_BYTES, 8);

/**
 * One blob on its way into a temporary file: hashed and counted as it comes, kept only when size
 * and digest are exactly the announced ones. Writing is synchronous: fastest by far (467 against
 * 330 MB/s), and this thread serves nothing that could not wait for one chunk.
 */
export class FileSink {
  readonly digest: Digest;
  readonly size: number;
  readonly path: string;
  readonly #hasher: Hasher;
  #fd: number;
  #hash: HashStream | undefined;
  #written = 0;
  /** What came and is in no file yet: the first `#gathered` bytes of it. */
  #gather: Buffer | undefined;
  #gathered = 0;

  constructor(need: { digest: Digest; size: number }, path: string, hasher: Hasher) {
    this.digest = need.digest;
    this.size = need.size;
    this.path = path;
    this.#hasher = hasher;
    this.#fd = create(path);
    this.#hash = hasher.stream();
  }

  /** Bytes taken, in the file or on their way there. */
  get written(): number {
    return this.#written;
  }

  /** @throws PeerFault when that is more than was announced, nothing of it is written; DiskFault */
  write(chunk: Uint8Array): void {
    if (this.#written + chunk.length > this.size) {
      throw new PeerFault(`blob ${this.digest}: more than ${this.size} bytes`);
    }
    this.#written += chunk.length;
    if (chunk.length >= GATHER_BYTES) {
      this.#flush();
      this.#put(chunk);
      return;
    }
    if (this.#gathered + chunk.length > GATHER_BYTES) this.#flush();
    this.#gather ??= gathering.take();
    this.#gather.set(chunk, this.#gathered);
    this.#gathered += chunk.length;
  }

  /**
   * Whether all is there and hashes to the digest. Call it once, at the end of the bytes.
   *
   * @throws DiskFault
   */
  isWhole(): boolean {
    this.#flush();
    const actual = this.#hash?.digest();
    this.#hash = undefined;
    return this.#written === this.size && actual === this.digest;
  }

  /** Begins anew, after bytes that turned out wrong. */
  restart(): void {
    this.#gathered = 0;
    this.#end();
    rmSync(this.path, { force: true });
    this.#fd = create(this.path);
    this.#hash = this.#hasher.stream();
    this.#written = 0;
  }

  /** Keeps the file, of which `isWhole` said that it is. */
  keep(): void {
    this.#end();
  }

  discard(): void {
    this.#end();
    rmSync(this.path, { force: true });
  }

  #flush(): void {
    if (this.#gather !== undefined && this.#gathered > 0) {
      this.#put(this.#gather.subarray(0, this.#gathered));
    }
    this.#gathered = 0;
  }

  #put(bytes: Uint8Array): void {
    writeAll(this.#fd, bytes);
    this.#hash?.update(bytes);
  }

  #end(): void {
    if (this.#gather !== undefined) gathering.give(this.#gather);
    this.#gather = undefined;
    // A hash that is not ended would leak what the library holds for it.
    this.#hash?.digest();
    this.#hash = undefined;
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function create(path: string): number {
  try {
    return openSync(path, 'wx', 0o644);
  } catch (error) {
    throw new DiskFault(error);
  }
}

function writeAll(fd: number, chunk: Uint8Array): void {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
  } catch (error) {
    throw new DiskFault(error);
  }
}
