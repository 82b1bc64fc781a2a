import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Digest } from '../base/digest.js';
import type { Manifest } from '../base/result.js';
import type { PastOutcome } from '../pipeline/outcomes.js';
import { excludedIn, isExcluded, pathsOf, textsOf } from '../pipeline/privacy.js';

interface Shareable {
  unitKey: Digest;
  crateName: string;
  manifest: Manifest;
}

/** The store as far as it is looked through. */
export interface SecludedStore {
  /** What peers may have; undefined for what they may not. */
  shareable(): Iterable<Shareable | undefined>;
  withhold(unitKey: Digest): void;
}

export interface OutcomesTable {
  entries(): Iterable<[name: string, past: PastOutcome[]]>;
  put(name: string, past: PastOutcome[]): void;
}

/** Calls wait no longer than this for a search. */
const AT_ONCE_MS = 3;
/** After a search so many times its work is left to others, for a second at most. */
const RESTS = 4;
const MAX_REST_MS = 1_000;

/**
 * Finds what was stored of private crates before anybody said that they are private, under other
 * keys than today's: each name that turns up is looked for once, in the background. The first is
 * looked for at once, as peers may have what is not found yet; those that turn up during a search
 * or soon after it have the next one together. A build with new names only has no search for each.
 */
export class Seclusion {
  readonly #store: SecludedStore;
  readonly #outcomes: OutcomesTable;
  /** Crates of projects that share nothing, and patterns of excluded ones. */
  readonly #crates = new Set<string>();
  readonly #patterns = new Set<string>();
  /** Patterns of which something was shared since: who names them next means that as well. */
  readonly #outdated = new Set<string>();
  /** Crates that no search has begun to look for: this one will, whatever is shared meanwhile. */
  #awaited = new Set<string>();
  #isDue = false;
  readonly #stopping = new AbortController();
  #sweeping: Promise<void> | undefined;

  constructor(store: SecludedStore, outcomes: OutcomesTable) {
    this.#store = store;
    this.#outcomes = outcomes;
  }

  /** @param crate of a project that shares nothing */
  add(crate: string | undefined, exclude: readonly string[]): void {
    const before = this.#crates.size + this.#patterns.size;
    if (crate !== undefined && !COMMON.test(crate) && !this.#crates.has(crate)) {
      this.#crates.add(crate);
      this.#awaited.add(crate);
    }
    for (const pattern of exclude) this.#patterns.add(pattern);
    const isNew = this.#crates.size + this.#patterns.size > before;
    const again = exclude.filter((pattern) => this.#outdated.delete(pattern));
    if ((!isNew && again.length === 0) || this.#stopping.signal.aborted) return;
    this.#isDue = true;
    this.#sweeping ??= this.#sweepWhileDue();
  }

  /** A crate is shared, again or in another project: who keeps it private next is to be heard anew. */
  published(crate: string): void {
    // A build script was named as its package is.
    for (const name of [crate, crate.replaceAll('_', '-')]) this.#crates.delete(name);
    for (const pattern of this.#patterns) {
      if (isExcluded(crate, [pattern])) this.#outdated.add(pattern);
    }
  }

  /** Begins nothing more, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sweeping;
  }

  async #sweepWhileDue(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      while (this.#isDue && !signal.aborted) {
        // What is named in one go is looked for in one go.
        await turn();
        const workMs = await this.#sweep(signal);
        const restMs = Math.min(RESTS * workMs, MAX_REST_MS);
        await sleep(restMs, undefined, { signal, ref: false }).catch(() => {});
      }
    } finally {
      this.#sweeping = undefined;
    }
  }

  /** @returns milliseconds of work */
  async #sweep(signal: AbortSignal): Promise<number> {
    this.#isDue = false;
    const awaited = this.#awaited;
    this.#awaited = new Set();
    const patterns = [...this.#patterns];
    const isPrivate = (crateName: string) => {
      const crate = crateName.replace(/^build script of /, '');
      return this.#crates.has(crate) || awaited.has(crate) || isExcluded(crate, patterns);
    };
    let workMs = 0;
    let since = performance.now();
    const pause = async () => {
      const sinceMs = performance.now() - since;
      if (sinceMs < AT_ONCE_MS) return;
      workMs += sinceMs;
      await turn();
      since = performance.now();
    };
    for (const row of this.#store.shareable()) {
      await pause();
      if (signal.aborted) return workMs;
      if (row === undefined) continue;
      const names = () => excludedIn(pathsOf(row.manifest), patterns) !== undefined;
      if (isPrivate(row.crateName) || names()) this.#store.withhold(row.unitKey);
    }
    for (const [name, past] of this.#outcomes.entries()) {
      await pause();
      if (signal.aborted) return workMs;
      this.#withholdOutcomes(name, past, { isPrivate, patterns });
    }
    return workMs + performance.now() - since;
  }

  /** What a unit was made of names its dependencies: those are private as well. */
  #withholdOutcomes(name: string, past: PastOutcome[], { isPrivate, patterns }: Sought): void {
    const [, crate = ''] = name.split('|');
    const isOwn = isPrivate(crate) || excludedIn([name], patterns) !== undefined;
    const marked = past.map((outcome): PastOutcome => {
      if (outcome.withheld) return outcome;
      const names = isOwn || excludedIn(textsOf(outcome.facts), patterns) !== undefined;
      if (names) this.#store.withhold(outcome.key);
      return names ? { ...outcome, withheld: true } : outcome;
    });
    if (marked.some((outcome, at) => outcome !== past[at])) this.#outcomes.put(name, marked);
  }
}

interface Sought {
  isPrivate(crateName: string): boolean;
  patterns: readonly string[];
}

/** Every package with a build script has a crate of that name. */
const COMMON = /^build_script_/;
