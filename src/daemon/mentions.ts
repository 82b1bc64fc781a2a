import type { Digest } from '../base/digest.js';

/** Beyond this a file is read in pieces each time, and its bytes are not kept. */
const MAX_KEPT_BYTES = 4 << 20;
/** Enough for what a handful of units were just compiled to: those are asked about most. */
const MAX_TOTAL_BYTES = 12 << 20;
const MAX_ANSWERS = 50_000;

/** What is looked for in files. */
export interface Pattern {
  /** Tells it from all others. */
  name: string;
  /** Bytes that one place of it may take. */
  overlap: number;
  isIn(bytes: Buffer): boolean;
}

export function textPattern(text: string): Pattern {
  const overlap = Math.max(1, Buffer.byteLength(text));
  return { name: `"${text}"`, overlap, isIn: (bytes) => bytes.includes(text) };
}

export interface MentionsOptions {
  digestOf(path: string): Promise<Digest | undefined>;
  /** The bytes of a file; undefined when it cannot be read. */
  read(path: string): Buffer | undefined;
  sizeOf(path: string): number | undefined;
  /** Looks through a file of any size. @throws system errors */
  lookThrough(path: string, pattern: Pattern): Promise<boolean>;
}

/**
 * Tells what files hold, by content. While somebody edits, each library is asked about several
 * things moments after it was made: its bytes are kept for that.
 */
export class Mentions {
  readonly #options: MentionsOptions;
  readonly #answers = new Map<string, boolean>();
  /** Least recently used first. */
  readonly #contents = new Map<Digest, Buffer>();
  #total = 0;

  constructor(options: MentionsOptions) {
    this.#options = options;
  }

  /** true also for a file that cannot be read: who asks is then on the safe side. */
  async has(path: string, pattern: Pattern, sure?: Digest): Promise<boolean> {
    const settled = sure === undefined ? undefined : this.#answers.get(`${sure} ${pattern.name}`);
    if (settled !== undefined) return settled;
    const digest = await this.#options.digestOf(path);
    if (digest === undefined) return true;
    const key = `${digest} ${pattern.name}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const content = this.#contentOf(digest, path);
    const found =
      content === undefined
        ? await this.#options.lookThrough(path, pattern)
        : pattern.isIn(content);
    if (this.#answers.size > MAX_ANSWERS) this.#answers.clear();
    this.#answers.set(key, found);
    return found;
  }

  /** Keeps bytes that were read anyway. */
  keep(digest: Digest, content: Buffer): void {
    if (content.length > MAX_KEPT_BYTES || this.#contents.has(digest)) return;
    this.#contents.set(digest, content);
    this.#total += content.length;
    for (const [oldest, { length }] of this.#contents) {
      if (this.#total <= MAX_TOTAL_BYTES) break;
      this.#contents.delete(oldest);
      this.#total -= length;
    }
  }

  #contentOf(digest: Digest, path: string): Buffer | undefined {
    const kept = this.#contents.get(digest);
    if (kept !== undefined) {
      this.#contents.delete(digest);
      this.#contents.set(digest, kept);
      return kept;
    }
    if ((this.#options.sizeOf(path) ?? Number.POSITIVE_INFINITY) > MAX_KEPT_BYTES) return undefined;
    const content = this.#options.read(path);
    if (content !== undefined) this.keep(digest, content);
    return content;
  }
}
