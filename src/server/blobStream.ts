import type { ServerResponse } from 'node:http';
import { BufferPool } from '../base/bufferPool.js';
import type { BlobHandle } from './ports.js';

/** Larger chunks than Node's 64 KB: 720 instead of 550 MB/s (docs/architecture.md). */
const CHUNK_BYTES = 256 * 1024;
/** A new buffer for each chunk costs more than the chunk: V8 collects its whole heap for them. */
const chunks = new BufferPool(CHUNK_BYTES, 16);

/**
 * Sends part of a blob as the peer takes it: the next chunk is read while one is on its way. Ends
 * when all is sent, or the connection is gone; a blob that cannot be read to its end is cut off.
 */
export async function sendBlob(
  response: ServerResponse,
  handle: BlobHandle,
  range: { start: number; length: number },
  onChunk: (bytes: number) => void,
): Promise<void> {
  // Whoever has gone already emits no more: nothing would end the wait for it.
  if (response.destroyed) return;
  const gone = new Promise<false>((resolve) => response.once('close', () => resolve(false)));
  const end = range.start + range.length;
  let sent: Promise<boolean> = Promise.resolve(true);
  let previous: Buffer | undefined;
  for (let at = range.start; at < end; ) {
    const buffer = chunks.take();
    const bytes = await readSome(handle, buffer, Math.min(CHUNK_BYTES, end - at), at);
    // A buffer that a dead connection may still hold is not used again.
    if (!(await sent)) return;
    if (previous !== undefined) chunks.give(previous);
    previous = undefined;
    if (bytes === 0) {
      chunks.give(buffer);
      response.destroy(new Error('the blob cannot be read to its end'));
      return;
    }
    at += bytes;
    onChunk(bytes);
    sent = Promise.race([gone, written(response, buffer.subarray(0, bytes))]);
    previous = buffer;
  }
  if (!(await sent)) return;
  if (previous !== undefined) chunks.give(previous);
  response.end();
}

/** @returns bytes read, 0 when there is no more, for whatever reason */
async function readSome(
  handle: BlobHandle,
  buffer: Buffer,
  length: number,
  position: number,
): Promise<number> {
  try {
    return (await handle.read(buffer, 0, length, position)).bytesRead;
  } catch {
    return 0;
  }
}

function written(response: ServerResponse, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    response.write(bytes, (error) => resolve(error === null || error === undefined));
  });
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
