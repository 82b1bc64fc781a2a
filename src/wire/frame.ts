import { VriftError } from '../base/errors.js';

/** Bytes of the big-endian length before each JSON document. */
const HEADER_BYTES = 4;

/** A launcher's environment is a few KB; replayed messages and reports can be a few MB. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export function encodeFrame(message: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(message), 'utf8');
  const frame = Buffer.allocUnsafe(HEADER_BYTES + json.length);
  frame.writeUInt32BE(json.length, 0);
  json.copy(frame, HEADER_BYTES);
  return frame;
}

/**
 * Collects chunks of a stream into frames.
 *
 * @throws VRIFT_FRAME_INVALID when a length is over `maxBytes` or a body is not JSON; the stream
 *   cannot be resumed after that
 */
export class FrameDecoder {
  #maxBytes: number;
  #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes that must be there before anything more can be said: a header, or header and body. */
  #wanted = HEADER_BYTES;

  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Frames that begin from here on may have so many bytes. */
  allow(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): unknown[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: unknown[] = [];
    while (this.#held >= this.#wanted) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      const end = HEADER_BYTES + this.#length(bytes);
      this.#wanted = end;
      if (bytes.length >= end) {
        frames.push(parseBody(bytes.subarray(HEADER_BYTES, end)));
        this.#held -= end;
        this.#wanted = HEADER_BYTES;
        this.#chunks = this.#held === 0 ? [] : [bytes.subarray(end)];
      } else this.#chunks = [bytes];
    }
    return frames;
  }

  #length(bytes: Buffer): number {
    const length = bytes.readUInt32BE(0);
    if (length <= this.#maxBytes) return length;
    throw new VriftError('VRIFT_FRAME_INVALID', `a frame of ${length} bytes was announced`);
  }
}

function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new VriftError('VRIFT_FRAME_INVALID', 'a frame holds no JSON document', { cause });
  }
}
