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
  readonly #maxBytes: number;
  #pending: Buffer = Buffer.alloc(0);

  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): unknown[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: unknown[] = [];
    while (this.#pending.length >= HEADER_BYTES) {
      const length = this.#pending.readUInt32BE(0);
      if (length > this.#maxBytes) {
        throw new VriftError('VRIFT_FRAME_INVALID', `a frame of ${length} bytes was announced`);
      }
      const end = HEADER_BYTES + length;
      if (this.#pending.length < end) break;
      frames.push(parseBody(this.#pending.subarray(HEADER_BYTES, end)));
      this.#pending = this.#pending.subarray(end);
    }
    return frames;
  }
}

function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new VriftError('VRIFT_FRAME_INVALID', 'a frame holds no JSON document', { cause });
  }
}
