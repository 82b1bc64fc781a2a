import { closeSync, fstatSync, openSync, readSync, truncateSync } from 'node:fs';
import type { ErrorCode } from '../../base/errors.js';

/** The words that launchers leave (src/launcher/fallback.rs); others say nothing about vrift. */
const MEANING: Readonly<Record<string, ErrorCode>> = {
  'no-node': 'VRIFT_NODE_ABSENT',
  died: 'VRIFT_NODE_ABSENT',
  timeout: 'VRIFT_NODE_TIMEOUT',
  hung: 'VRIFT_NODE_TIMEOUT',
  protocol: 'VRIFT_FRAME_INVALID',
  restore: 'VRIFT_RESTORE_FAILED',
  spawn: 'VRIFT_TOOLCHAIN_UNKNOWN',
  'unsafe-dir': 'VRIFT_HOME_UNUSABLE',
  'long-path': 'VRIFT_SOCKET_PATH_TOO_LONG',
};

/** Launchers stop writing at 64 KiB: what has been counted makes room long before. */
const EMPTY_ABOVE_BYTES = 16 * 1024;
const MAX_BYTES = 1024 * 1024;

/**
 * The builds that went on without the node: launchers append a word a line to a file, since there
 * was no node to tell. A young list outlives a restart of the node; clearing empties it.
 */
export class Fallbacks {
  readonly #file: string;
  readonly #counts = new Map<ErrorCode, number>();
  /** Bytes that have been counted. */
  #offset = 0;

  constructor(file: string) {
    this.#file = file;
    this.counts();
  }

  counts(): ReadonlyMap<ErrorCode, number> {
    for (const line of this.#newLines()) {
      const code = MEANING[line.split(/\s/, 1)[0] ?? ''];
      if (code !== undefined) this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    }
    if (this.#offset > EMPTY_ABOVE_BYTES) this.#empty();
    return this.#counts;
  }

  clear(): void {
    this.#counts.clear();
    this.#empty();
  }

  #empty(): void {
    this.#offset = 0;
    try {
      truncateSync(this.#file);
    } catch {
      // No file: nothing to forget.
    }
  }

  #newLines(): string[] {
    let fd: number | undefined;
    try {
      fd = openSync(this.#file, 'r');
      const stat = fstatSync(fd);
      if (stat.size < this.#offset) this.#offset = 0;
      const length = stat.isFile() ? Math.min(stat.size, MAX_BYTES) - this.#offset : 0;
      if (length <= 0) return [];
      const bytes = Buffer.alloc(length);
      const read = readSync(fd, bytes, 0, length, this.#offset);
      const end = bytes.subarray(0, read).lastIndexOf(0x0a) + 1;
      this.#offset += end;
      return bytes.toString('latin1', 0, end).split('\n');
    } catch {
      return [];
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}
