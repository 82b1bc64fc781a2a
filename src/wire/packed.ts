import { promisify } from 'node:util';
import { brotliCompress, brotliDecompressSync, constants } from 'node:zlib';
import { isSlowLink, type Link } from '../base/linkSpeed.js';

/**
 * Content with less bytes, for links that are slower than compressing (docs/protocol.md, "Packed
 * answers"): frames of 256 KiB of content each, so that several are made at a time.
 */
export const PACK_BYTES = 256 * 1024;

/** Of a request: `wanted`, or `possible` when the holder's own link decides. Of an answer: how. */
export const PACK_HEADER = 'x-vrift-pack';
export const PACKED_HEADER = 'x-vrift-packed';
export const BROTLI = 'br';

/** Big-endian length in front of each frame; the highest bit says that it is content as it is. */
const HEADER_BYTES = 4;
const PLAIN = 0x8000_0000;
/** What gets no smaller than that is not worth undoing. */
const WORTH = 0.9;
/** What gets smaller than that goes plain: else a few bytes would cost a receiver seconds. */
const MAX_RATIO = 64;

/** A setting of the node; `auto`: where a link is slow. */
export const COMPRESS = ['auto', 'always', 'never'] as const;
export type Compress = (typeof COMPRESS)[number];

/** What a caller says of packing; undefined: nothing, it has content as it is. */
export type Packing = 'wanted' | 'possible' | undefined;

/** @param link the caller's end */
export function packingFor(link: Link, setting: Compress): Packing {
  if (setting === 'never') return undefined;
  return setting === 'always' || isSlowLink(link) ? 'wanted' : 'possible';
}

/**
 * Whether an answer is to be packed.
 *
 * @param said what the caller said; an older one says nothing
 * @param link the holder's end
 */
export function packs(said: unknown, link: Link, setting: Compress): boolean {
  if (setting === 'never' || (said !== 'wanted' && said !== 'possible')) return false;
  return said === 'wanted' || setting === 'always' || isSlowLink(link);
}

const compress = promisify(brotliCompress);

/** @returns undefined when it is better sent as it is */
export async function pack(content: Buffer): Promise<Buffer | undefined> {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const packed = await compress(content, {
    chunkSize: Math.max(1024, content.length),
    params: {
      // Fast: a level more takes twice as long for a tenth.
      [BROTLI_PARAM_QUALITY]: 1,
      [BROTLI_PARAM_LGWIN]: 18,
      [BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
  return isFair(packed.length, content.length) ? packed : undefined;
}

function isFair(packed: number, content: number): boolean {
  return packed < content * WORTH && packed * MAX_RATIO >= content;
}

/**
 * At once: threads would need the peer to be held up, and it cannot be for sure.
 *
 * @param most bytes of content; so much is made of it at most
 * @returns undefined when it is none, or has more
 */
export function unpack(packed: Buffer, most: number): Buffer | undefined {
  try {
    const chunkSize = Math.max(1024, Math.min(most, 1024 * 1024));
    return brotliDecompressSync(packed, { chunkSize, maxOutputLength: most });
  } catch {
    return undefined;
  }
}

/** The frame of `PACK_BYTES` of content, or of what is left. */
export function frameOf(content: Buffer, packed: Buffer | undefined): Buffer {
  const body = packed ?? content;
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  frame.writeUInt32BE(packed === undefined ? PLAIN + body.length : body.length, 0);
  body.copy(frame, HEADER_BYTES);
  return frame;
}

interface Frame {
  body: Buffer;
  isPlain: boolean;
}

function contentOf({ body, isPlain }: Frame, size: number): Buffer | undefined {
  if (isPlain) return body;
  return body.length * MAX_RATIO < size ? undefined : unpack(body, size);
}

/** Turns a stream of frames into content. */
export class Unframer {
  /** Of the frame that is on its way: its header, then header and body, each in one buffer. */
  #frame: Buffer = Buffer.allocUnsafe(HEADER_BYTES);
  #held = 0;
  /** Content of which no frame came yet. */
  #left: number;

  /** @param size bytes of content that are to come */
  constructor(size: number) {
    this.#left = size;
  }

  /** Whether a frame is there in part. */
  get isOpen(): boolean {
    return this.#held > 0;
  }

  /**
   * @param write called with the content of each frame that is whole; it has to take it at once
   * @returns what is wrong; the stream cannot be resumed then
   */
  push(chunk: Buffer, write: (content: Buffer) => void): string | undefined {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left === 0) return 'more than its content';
      const bytes = Math.min(this.#frame.length - this.#held, chunk.length - at);
      chunk.copy(this.#frame, this.#held, at, at + bytes);
      this.#held += bytes;
      at += bytes;
      if (this.#held < this.#frame.length) continue;
      const problem = this.#held === HEADER_BYTES ? this.#begin() : this.#end(write);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** The header is there: makes room for the body. */
  #begin(): string | undefined {
    const length = this.#frame.readUInt32BE(0) % PLAIN;
    if (length === 0 || length > PACK_BYTES) return `a frame of ${length} bytes`;
    const whole = Buffer.allocUnsafe(HEADER_BYTES + length);
    this.#frame.copy(whole, 0, 0, HEADER_BYTES);
    this.#frame = whole;
    return undefined;
  }

  #end(write: (content: Buffer) => void): string | undefined {
    const size = Math.min(PACK_BYTES, this.#left);
    const isPlain = this.#frame.readUInt32BE(0) >= PLAIN;
    const content = contentOf({ body: this.#frame.subarray(HEADER_BYTES), isPlain }, size);
    if (content?.length !== size) return `a frame that is not ${size} bytes of content`;
    this.#left -= size;
    this.#frame = Buffer.allocUnsafe(HEADER_BYTES);
    this.#held = 0;
    write(content);
    return undefined;
  }
}
