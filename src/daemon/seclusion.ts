import { setImmediate as turn } from 'node:timers/promises';
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

/**
 * Finds what was stored of private crates before anybody said that they are private, under other
 * keys than today's: each name that turns up is looked for once, in the background.
 */
export class Seclusion {
  readonly #store: SecludedStore;
  readonly #outcomes: OutcomesTable;
  /** Crates of projects that share nothing, and patterns of excluded ones. */
  readonly #crates = new Set<string>();
  readonly #patterns = new Set<string>();
  /** Patterns of which something was shared since: who names them next means that as well. */
  readonly #outdated = new Set<string>();
  #isDue = false;
  #isStopped = false;
  #sweeping: Promise<void> | undefined;

  constructor(store: SecludedStore, outcomes: OutcomesTable) {
    this.#store = store;
    this.#outcomes = outcomes;
  }

  /** @param crate of a project that shares nothing */
  add(crate: string | undefined, exclude: readonly string[]): void {
    const before = this.#crates.size + this.#patterns.size;
    if (crate !== undefined && !COMMON.test(crate)) this.#crates.add(crate);
    for (const pattern of exclude) this.#patterns.add(pattern);
    const isNew = this.#crates.size + this.#patterns.size > before;
    const again = exclude.filter((pattern) => this.#outdated.delete(pattern));
    if ((!isNew && again.length === 0) || this.#isStopped) return;
    this.#isDue = true;
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
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
    this.#isStopped = true;
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    while (this.#isDue && !this.#isStopped) {
      this.#isDue = false;
      await turn();
      const patterns = [...this.#patterns];
      let since = performance.now();
      const pause = async () => {
        if (performance.now() - since < AT_ONCE_MS) return;
        await turn();
        since = performance.now();
      };
      for (const row of this.#store.shareable()) {
        await pause();
        if (this.#isStopped) return;
        if (row === undefined) continue;
        const names = () => excludedIn(pathsOf(row.manifest), patterns) !== undefined;
        if (this.#isPrivate(row.crateName, patterns) || names()) this.#store.withhold(row.unitKey);
      }
      for (const [name, past] of this.#outcomes.entries()) {
        await pause();
        if (this.#isStopped) return;
        this.#withholdOutcomes(name, past, patterns);
      }
    }
  }

  #isPrivate(crateName: string, patterns: readonly string[]): boolean {
    const crate = crateName.replace(/^build script of /, '');
    return this.#crates.has(crate) || isExcluded(crate, patterns);
  }

  /** What a unit was made of names its dependencies: those are private as well. */
  #withholdOutcomes(name: string, past: PastOutcome[], patterns: readonly string[]): void {
    const [, crate = ''] = name.split('|');
    const isOwn = this.#isPrivate(crate, patterns) || excludedIn([name], patterns) !== undefined;
    const marked = past.map((outcome): PastOutcome => {
      if (outcome.withheld) return outcome;
      const names = isOwn || excludedIn(textsOf(outcome.facts), patterns) !== undefined;
      if (names) this.#store.withhold(outcome.key);
      return names ? { ...outcome, withheld: true } : outcome;
    });
    if (marked.some((outcome, at) => outcome !== past[at])) this.#outcomes.put(name, marked);
  }
}

/** Every package with a build script has a crate of that name. */
const COMMON = /^build_script_/;
