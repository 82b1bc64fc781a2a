import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { discard, isAlive, type Layout } from './layout.js';

/**
 * What ended processes are held against the index they had open: a mangled file can end a process
 * inside LMDB, where nothing can be caught. Every process that opens the index has a note of its
 * own; what those say whose process lives counts for nothing, since it may yet come to a good end.
 */
export class Blame {
  readonly #folder: string;
  readonly #own: string;
  /** Notes of ended processes, as found at the start. */
  readonly #past: readonly string[];
  /** Their sum. */
  readonly past: number;

  constructor(layout: Layout) {
    this.#folder = layout.crashMarks;
    this.#own = join(this.#folder, layout.ownName());
    this.#past = notesOfTheEnded(this.#folder);
    this.past = this.#past.reduce((sum, note) => sum + readCount(note), 0);
  }

  /** Leaves for the next open what this process is worth if it ends now. */
  note(count: number): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(this.#own, String(count), { mode: 0o600 });
    } catch {
      // The note only speeds up what the next open would find out by itself.
    }
  }

  /** What ended before says nothing (more) about the index that is there now. */
  forgive(): void {
    for (const note of this.#past) discard(note);
  }

  /** The same, and nothing is held against this process either. */
  clear(): void {
    this.forgive();
    discard(this.#own);
  }
}

function notesOfTheEnded(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !isAlive(Number.parseInt(name, 10)))
      .map((name) => join(folder, name));
  } catch {
    // Nobody has opened it yet.
    return [];
  }
}

function readCount(note: string): number {
  try {
    return Number.parseInt(readFileSync(note, 'utf8'), 10) || 0;
  } catch {
    return 0;
  }
}
