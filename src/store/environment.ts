import { existsSync, mkdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { Blame } from './blame.js';
import { discard, type Layout } from './layout.js';
import { dataBytes, dataFile, isMangled } from './mangled.js';
import type { StoreEvent } from './records.js';

/** The databases of the environment. All are made at the first open: a reader cannot. */
export const DATABASES = ['blobs', 'results', 'units', 'order', 'used', 'tables', 'meta'] as const;
export type DatabaseName = (typeof DATABASES)[number];
export type TextDatabase = Database<string, string>;

export const ENVIRONMENT = { maxDbs: 16, maxReaders: 64 } as const;
export const VALUES = { encoding: 'string' } as const;

/** Changes of one table that wait to be written. */
export interface Dirty {
  /** Hands everything changed so far to LMDB. @returns its promises, and what to do afterwards */
  write(): { puts: Promise<unknown>[]; settle(ok: boolean): void };
}

export function hasIndex(layout: Layout): boolean {
  return existsSync(dataFile(layout));
}

/**
 * Makes the index, unless there is one by then. It comes into place whole: who opens the store at the same
 * moment would take a file that LMDB has begun to write for a mangled one.
 */
export async function makeIndex(layout: Layout): Promise<void> {
  const draft = layout.tmpPath();
  try {
    mkdirSync(draft, { mode: 0o700 });
    await openAll(draft).environment.close();
    renameSync(draft, layout.index);
  } catch {
    // Somebody else was first, or opening it in place will say what is wrong.
    rmSync(draft, { recursive: true, force: true });
  }
}

/**
 * The LMDB environment behind the store. Changes gather in memory and go down together a moment
 * later, off the reply path; one that cannot be written (full disk) waits and is tried again.
 */
export class OpenIndex {
  readonly #layout: Layout;
  readonly #environment: RootDatabase<string, string>;
  readonly #databases: ReadonlyMap<DatabaseName, TextDatabase>;
  readonly #onEvent: (event: StoreEvent) => void;
  readonly #dirty = new Set<Dirty>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<boolean> = Promise.resolve(true);
  #stalled = false;
  #mangled = false;
  #isProved = false;
  readonly #blame: Blame;
  /** Called before a write, for what goes down with every one. */
  beforeWrite: () => void = () => {};
  /** Whether it had to start empty because what was there could not be read. */
  readonly renewed: boolean;

  constructor(layout: Layout, onEvent: (event: StoreEvent) => void) {
    this.#layout = layout;
    this.#onEvent = onEvent;
    this.#blame = new Blame(layout);
    let renewed = this.#blame.past >= TOO_MUCH_BLAME || isMangled(layout);
    if (renewed) {
      removeIndex(layout);
      this.#blame.forgive();
    }
    this.#blame.note(BLAME_FOR_OPEN);
    let opened: ReturnType<typeof openAll>;
    try {
      opened = openAll(layout.index);
    } catch {
      renewed = true;
      removeIndex(layout);
      opened = openAll(layout.index);
    }
    this.renewed = renewed;
    this.#environment = opened.environment;
    this.#databases = opened.databases;
    if (renewed) this.#report('the index could not be read: starting with an empty one');
  }

  /** It could be opened; a process that ends from here on is less likely the index's fault. */
  opened({ audited }: { audited: boolean }): void {
    if (!this.#mangled && !this.#isProved)
      this.#blame.note(audited ? BLAME_FOR_RUN : BLAME_FOR_AUDIT);
  }

  /** It has served for a while, or is closing in good order. */
  proved(): void {
    if (!this.#isProved && !this.#mangled) this.#blame.clear();
    this.#isProved = true;
  }

  database(name: DatabaseName): TextDatabase {
    const database = this.#databases.get(name);
    if (!database) throw new RangeError(`no database ${name}`);
    return database;
  }

  /** Whether the last write failed; new results are refused until one goes through. */
  get stalled(): boolean {
    return this.#stalled;
  }

  schedule(table: Dirty): void {
    this.#dirty.add(table);
    this.#timer ??= setTimeout(() => void this.flush(), WRITE_DELAY_MS).unref();
  }

  /** Writes what changed until now. @returns whether all of it is committed */
  flush(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** An LMDB call threw: its answer counts as absent, and the next open starts with a new index. */
  fault(error: unknown): void {
    if (!this.#mangled) this.#report(`the index is damaged: ${String(error)}`);
    this.#mangled = true;
    this.#blame.note(TOO_MUCH_BLAME);
  }

  /** @returns the index's size in bytes, or undefined when it must not be trusted */
  async close(): Promise<number | undefined> {
    const committed = await this.flush();
    this.proved();
    clearTimeout(this.#timer);
    await this.#environment.flushed;
    await this.#environment.close();
    return committed && !this.#mangled ? dataBytes(this.#layout) : undefined;
  }

  async #write(): Promise<boolean> {
    if (this.#dirty.size === 0) return true;
    // LMDB answers a full disk with rejections nobody can catch and lines on stderr: look first.
    if (freeBytes(this.#layout.index) < MIN_FREE_BYTES) return this.#retryLater();
    this.beforeWrite();
    const tables = [...this.#dirty];
    this.#dirty.clear();
    const writes = tables.map((table) => table.write());
    const ok = await this.#committed(writes.flatMap((write) => write.puts));
    // What was committed must be seen before the copy of it in memory goes.
    this.#environment.resetReadTxn();
    for (const write of writes) write.settle(ok);
    this.#stalled = !ok;
    return ok;
  }

  async #committed(puts: Promise<unknown>[]): Promise<boolean> {
    // LMDB makes one promise of its own per batch that only `committed` shows; it must be caught.
    setImmediate(() => void this.#environment.committed.then(nothing, nothing));
    const outcomes = await Promise.allSettled(puts);
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (!failure) return true;
    (failure.reason as { commitError?: Promise<unknown> }).commitError?.catch(nothing);
    return false;
  }

  #retryLater(): false {
    this.#stalled = true;
    this.#timer ??= setTimeout(() => void this.flush(), RETRY_MS).unref();
    return false;
  }

  #report(message: string): void {
    this.#onEvent({ code: 'VRIFT_STORE_CORRUPT', message });
  }
}

/**
 * A mangled file can end the process inside LMDB, where nothing can be caught. Two opens that never
 * came to an end are enough to give it up, but not a node that is killed a few times at its work.
 */
const TOO_MUCH_BLAME = 32;
const BLAME_FOR_OPEN = 16;
const BLAME_FOR_AUDIT = 4;
const BLAME_FOR_RUN = 1;

const WRITE_DELAY_MS = 20;
const RETRY_MS = 1000;
const MIN_FREE_BYTES = 256 * 1024;
const nothing = () => {};

function openAll(path: string) {
  const environment: RootDatabase<string, string> = open({ path, ...ENVIRONMENT });
  const databases = new Map<DatabaseName, TextDatabase>();
  for (const name of DATABASES) databases.set(name, environment.openDB(name, VALUES));
  // Reads the root of every tree: garbage shows here, while it can still be put aside.
  for (const database of databases.values()) Array.from(database.getKeys({ limit: 1 }));
  return { environment, databases };
}

function removeIndex(layout: Layout): void {
  for (const name of ['data.mdb', 'lock.mdb']) discard(join(layout.index, name));
  discard(layout.cleanMarker);
  rmSync(layout.index, { recursive: true, force: true });
}

function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
