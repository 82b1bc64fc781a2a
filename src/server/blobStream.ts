import { Readable } from 'node:stream';
import type { BlobHandle } from './ports.js';

/** Larger chunks than Node's 64 KB: 720 instead of 550 MB/s (docs/architecture.md). */
const CHUNK_BYTES = 256 * 1024;

/** Part of a blob, read as the peer takes it; closes the handle however it ends. */
export class BlobStream extends Readable {
  readonly #handle: BlobHandle;
  readonly #onChunk: (bytes: number) => void;
  readonly #onClose: () => void;
  #position: number;
  #left: number;

  constructor(
    handle: BlobHandle,
    range: { start: number; length: number },
    on: { chunk(bytes: number): void; close(): void },
  ) {
    super({ highWaterMark: CHUNK_BYTES });
    this.#handle = handle;
    this.#position = range.start;
    this.#left = range.length;
    this.#onChunk = on.chunk;
    this.#onClose = on.close;
  }

  override _read(): void {
    if (this.#left === 0) {
      this.push(null);
      return;
    }
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, this.#left));
    this.#handle.read(buffer, 0, buffer.length, this.#position).then(
      ({ bytesRead }) => {
        if (bytesRead === 0) {
          this.destroy(new Error('the blob is shorter than its recorded size'));
          return;
        }
        this.#position += bytesRead;
        this.#left -= bytesRead;
        this.#onChunk(bytesRead);
        this.push(bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead));
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#onClose();
    this.#handle.close().then(
      () => done(error),
      (cause: Error) => done(error ?? cause),
    );
  }
}

/**
 * The one form of `Range` that a resuming peer sends, `bytes=N-` or `bytes=N-M`.
 *
 * @returns the whole blob without a header, undefined when nothing of it is meant
 */
export function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; length: number; partial: boolean } | undefined {
  if (header === undefined) return { start: 0, length: size, partial: false };
  const match = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(header);
  if (!match) return undefined;
  const start = Number(match[1]);
  const last = match[2] === undefined ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (start > last) return undefined;
  return { start, length: last - start + 1, partial: true };
}
