import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Digest, Hasher, HashStream } from '../base/digest.js';
import { DiskFault, PeerFault } from './fault.js';

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

  constructor(need: { digest: Digest; size: number }, path: string, hasher: Hasher) {
    this.digest = need.digest;
    this.size = need.size;
    this.path = path;
    this.#hasher = hasher;
    this.#fd = create(path);
    this.#hash = hasher.stream();
  }

  get written(): number {
    return this.#written;
  }

  /** @throws PeerFault when that is more than was announced, nothing of it is written; DiskFault */
  write(chunk: Uint8Array): void {
    if (this.#written + chunk.length > this.size) {
      throw new PeerFault(`blob ${this.digest}: more than ${this.size} bytes`);
    }
    writeAll(this.#fd, chunk);
    this.#hash?.update(chunk);
    this.#written += chunk.length;
  }

  /** Whether all is there and hashes to the digest. Call it once, at the end of the bytes. */
  isWhole(): boolean {
    const actual = this.#hash?.digest();
    this.#hash = undefined;
    return this.#written === this.size && actual === this.digest;
  }

  /** Begins anew, after bytes that turned out wrong. */
  restart(): void {
    this.#end();
    rmSync(this.path, { force: true });
    this.#fd = create(this.path);
    this.#hash = this.#hasher.stream();
    this.#written = 0;
  }

  /** Keeps the file. */
  keep(): void {
    this.#end();
  }

  discard(): void {
    this.#end();
    rmSync(this.path, { force: true });
  }

  #end(): void {
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
