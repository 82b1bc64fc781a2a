/** Content of so many bytes, and the milliseconds in which it came. */
interface Slice {
  bytes: number;
  ms: number;
}

/** Two slices are kept: what the last three to six seconds of downloading showed. */
const SLICE_MS = 3_000;
/** Less than this says more about bursts and round trips than about the link. */
const LEAST_BYTES = 256 * 1024;
const LEAST_MS = 1_000;
/** … unless it lasts: then it is the little that came which tells. */
const LASTING_MS = SLICE_MS;
/** Whoever was slow is tried again after this. */
const KNOWN_MS = 30_000;
/** A stalled download does not live for longer: somebody stopped this process. */
const MAX_GAP_MS = 1_000;

/** One download from one peer, from its request to its end. */
export interface Download extends Disposable {
  /** Content that came so far. */
  readonly arrived: number;
  came(bytes: number): void;
}

interface Entry {
  owner: object;
  left: number;
  /** It has begun to come: up to then the peer and the way to it are what is waited for. */
  flows: boolean;
}

/**
 * How fast content comes from one peer: that of all downloads together, over the time in which at
 * least one of them was coming. Two at once share a link, so neither's own speed says anything.
 */
export class Goodput {
  readonly #now: () => number;
  readonly #downloads = new Set<Entry>();
  #earlier: Slice = { bytes: 0, ms: 0 };
  #latest: Slice = { bytes: 0, ms: 0 };
  #lookedMs = 0;
  /** When something was measured last. */
  #knownMs = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds that only ever grow */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param owner the fetch that it is a part of */
  begin(owner: object, bytes: number): Download {
    const entry: Entry = { owner, left: bytes, flows: false };
    this.#downloads.add(entry);
    return {
      get arrived() {
        return bytes - entry.left;
      },
      came: (more) => this.#take(entry, more),
      [Symbol.dispose]: () => {
        this.#look();
        this.#downloads.delete(entry);
      },
    };
  }

  /**
   * Milliseconds until so many more bytes of an owner's have come, while other owners' downloads
   * have their share of the link.
   *
   * @returns 0 while nothing is known of the peer
   */
  expectedMs(owner: object, bytes: number): number {
    this.#look();
    const rate = this.#rate();
    if (rate === undefined || bytes <= 0) return 0;
    const others = new Map<object, number>();
    for (const download of this.#downloads) {
      if (download.owner === owner) continue;
      others.set(download.owner, (others.get(download.owner) ?? 0) + download.left);
    }
    let due = bytes;
    for (const left of others.values()) due += Math.min(left, bytes);
    return due / rate;
  }

  /** Bytes a millisecond; undefined where that is not known. */
  #rate(): number | undefined {
    if (this.#now() - this.#knownMs > KNOWN_MS) return undefined;
    const bytes = this.#earlier.bytes + this.#latest.bytes;
    const ms = this.#earlier.ms + this.#latest.ms;
    const isKnown = ms >= LASTING_MS || (ms >= LEAST_MS && bytes >= LEAST_BYTES);
    return isKnown ? bytes / ms : undefined;
  }

  #take(entry: Entry, bytes: number): void {
    // What came first took its time before anything was measured.
    if (this.#look()) this.#latest.bytes += Math.min(bytes, entry.left);
    entry.left = Math.max(0, entry.left - bytes);
    entry.flows = true;
  }

  /** Counts the time since the last look. @returns whether anything was coming in it */
  #look(): boolean {
    const now = this.#now();
    const gapMs = Math.min(now - this.#lookedMs, MAX_GAP_MS);
    this.#lookedMs = now;
    if (![...this.#downloads].some(({ flows, left }) => flows && left > 0)) return false;
    if (now - this.#knownMs > KNOWN_MS) {
      this.#earlier = { bytes: 0, ms: 0 };
      this.#latest = { bytes: 0, ms: 0 };
    }
    if (this.#latest.ms >= SLICE_MS) {
      this.#earlier = this.#latest;
      this.#latest = { bytes: 0, ms: 0 };
    }
    this.#latest.ms += gapMs;
    this.#knownMs = now;
    return true;
  }
}
