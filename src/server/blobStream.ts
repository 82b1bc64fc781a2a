import type { ServerResponse } from 'node:http';
import { availableParallelism } from 'node:os';
import { BufferPool } from '../base/bufferPool.js';
import { Gate } from '../base/gate.js';
import { frameOf, PACK_BYTES, pack } from '../wire/packed.js';
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

/** Peers that ask for much take half of a machine at most, and leave threads to its own builds. */
const packing = new Gate(Math.min(2, Math.ceil(availableParallelism() / 2)));
/** Longer queues would hold up those who wait for what is small. */
const MAX_QUEUE = 32;

/** @returns undefined when it is better sent as it is, or there is no time for it */
export async function packInTurn(content: Buffer): Promise<Buffer | undefined> {
  if (packing.waiting >= MAX_QUEUE) return undefined;
  return packing.run(() => pack(content));
}

/** Frames made ahead of the one that is on its way: so many threads work for one answer at most. */
const PACKED_AHEAD = 3;

/** The same, packed (wire/packed.ts). */
export async function sendPacked(
  response: ServerResponse,
  handle: BlobHandle,
  range: { start: number; length: number },
  onChunk: (bytes: number) => void,
): Promise<void> {
  if (response.destroyed) return;
  const gone = new Promise<false>((resolve) => response.once('close', () => resolve(false)));
  const end = range.start + range.length;
  const frames: Promise<{ frame: Buffer; bytes: number } | undefined>[] = [];
  let at = range.start;
  for (;;) {
    while (at < end && frames.length < PACKED_AHEAD) {
      const bytes = Math.min(PACK_BYTES, end - at);
      frames.push(packedFrame(response, handle, { at, bytes }));
      at += bytes;
    }
    const next = frames.shift();
    if (next === undefined) break;
    const made = await next;
    if (made === undefined) {
      response.destroy(new Error('the blob cannot be read to its end'));
      break;
    }
    onChunk(made.bytes);
    if (!(await Promise.race([gone, written(response, made.frame)]))) break;
  }
  // Whoever closes the blob must not do so under a read.
  await Promise.allSettled(frames);
  if (!response.destroyed) response.end();
}

/** @returns undefined when the content cannot be had */
async function packedFrame(
  response: ServerResponse,
  handle: BlobHandle,
  { at: position, bytes }: { at: number; bytes: number },
): Promise<{ frame: Buffer; bytes: number } | undefined> {
  const buffer = chunks.take();
  try {
    for (let at = 0; at < bytes; ) {
      const some = await readSome(handle, buffer.subarray(at), bytes - at, position + at);
      if (some === 0) return undefined;
      at += some;
    }
    const content = buffer.subarray(0, bytes);
    const packed = response.destroyed ? undefined : await packInTurn(content);
    return { frame: frameOf(content, packed), bytes };
  } catch {
    return undefined;
  } finally {
    chunks.give(buffer);
  }
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
