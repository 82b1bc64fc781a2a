import type { TLSSocket } from 'node:tls';
import { VriftError } from '../../base/errors.js';
import { encodeFrame, FrameDecoder } from '../../wire/frame.js';

/** Both sides take turns; nobody has a reason to send more ahead. */
const MAX_UNREAD = 4;

/**
 * Frames of the join protocol, one at a time, over a socket that it owns: whatever ends the
 * conversation also ends the connection.
 */
export class Conversation implements Disposable {
  readonly #socket: TLSSocket;
  readonly #decoder: FrameDecoder;
  readonly #frames: unknown[] = [];
  #timer: NodeJS.Timeout;
  #failure: unknown;
  #wake: () => void = () => {};

  /** @param options `maxBytes` bounds a frame of the other side; `deadlineMs` the whole talk */
  constructor(
    socket: TLSSocket,
    { maxBytes, deadlineMs }: { maxBytes: number; deadlineMs: number },
  ) {
    this.#socket = socket;
    this.#decoder = new FrameDecoder(maxBytes);
    this.#timer = setTimeout(() => this.#fail(hungUp('the other side took too long')), deadlineMs);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.once('error', (cause) => this.#fail(hungUp('the connection broke', cause)));
    socket.once('close', () => this.#fail(hungUp('the other side hung up')));
    if (socket.destroyed) this.#fail(hungUp('the other side hung up'));
  }

  /**
   * The next frame of the other side.
   *
   * @throws VRIFT_JOIN_UNREACHABLE when none comes; VRIFT_FRAME_INVALID
   */
  async next(): Promise<unknown> {
    while (this.#frames.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift();
  }

  /**
   * The next frame, if it comes in time; the talk goes on without it.
   *
   * @throws like `next`, or VRIFT_JOIN_UNREACHABLE when the time is over
   */
  async nextWithin(ms: number): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(hungUp('the other side took too long')), ms);
    });
    try {
      return await Promise.race([this.next(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A new deadline for the whole talk, from now. */
  extend(deadlineMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(hungUp('the other side took too long')), deadlineMs);
  }

  /** Frames from here on may have so many bytes: the other side has shown who it is. */
  allow(maxBytes: number): void {
    this.#decoder.allow(maxBytes);
  }

  send(frame: unknown): void {
    this.#socket.write(encodeFrame(frame));
  }

  /** Sends the last frame; done when the other side has hung up, or the deadline came. */
  async finish(frame: unknown): Promise<void> {
    if (this.#socket.closed) return;
    const closed = new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
    });
    this.#socket.end(encodeFrame(frame));
    await closed;
  }

  /** Lets the other side read what was sent, and hang up. */
  async end(): Promise<void> {
    if (this.#socket.closed) return;
    const closed = new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
    });
    this.#socket.end();
    await closed;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    try {
      this.#frames.push(...this.#decoder.push(chunk));
    } catch (error) {
      this.#fail(error);
    }
    if (this.#frames.length > MAX_UNREAD) this.#fail(hungUp('the other side does not wait'));
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#wake();
  }
}

function hungUp(message: string, cause?: unknown): VriftError {
  return new VriftError('VRIFT_JOIN_UNREACHABLE', message, { cause });
}
