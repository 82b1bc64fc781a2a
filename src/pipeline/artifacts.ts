import { basename, dirname, join } from 'node:path';
import type { Digest, Hasher } from '../base/digest.js';
import { settlesWithin } from '../base/patience.js';
import { archiveIdentity, isArchive, maskedDigest } from '../keying/archive.js';
import type { DiskPort, TablePort } from './ports.js';

/** What the node knows of a file that it made or restored in some target directory. */
export interface ArtifactRecord {
  crate: string;
  /** `rmeta`, `rlib`, … */
  role: string;
  /** Canonical `-C metadata`, or cargo's own where the call had none of ours. */
  canonical: string;
  /** Content when it was made; null while the compiler still runs. */
  digest: Digest | null;
  /** What a dependent can see of the content, once known. */
  identity: Digest | undefined;
  /** The rlib of the same unit, when this is its rmeta. */
  rlib: string | undefined;
  /** Paths that the unit was given by `--extern`. */
  externs: string[];
  /** The unit's own file-name hash, `-0123456789abcdef` or ''. */
  suffix: string;
  /** Package root, when that lies outside of workspace and CARGO_HOME. */
  outside: string | undefined;
  localOnly: boolean;
  /** Private code: whatever is compiled against it is private as well. */
  offMesh?: true;
}

/** Everything that a call's dependencies are, as far as keys care. */
export interface Closure {
  records: Map<string, ArtifactRecord>;
  /** Paths that no node made, or that changed since. */
  foreign: string[];
}

/** How long a compiler that has ended may be worked on. */
const ENDING_MS = 10_000;

/** Target-directory files by path, with the identity of their content. */
export class Artifacts {
  readonly #table: TablePort<ArtifactRecord>;
  readonly #disk: DiskPort;
  readonly #hasher: Hasher;
  readonly #running = new Map<string, { record: ArtifactRecord; settled: Promise<void> }>();
  readonly #identities = new Map<Digest, Digest>();

  /** Files that are being stored: what is known of them then comes after their dependents begin. */
  readonly #storing = new Map<string, Promise<unknown>>();
  #mayBePrivate = false;

  constructor(table: TablePort<ArtifactRecord>, disk: DiskPort, hasher: Hasher) {
    this.#table = table;
    this.#disk = disk;
    this.#hasher = hasher;
  }

  /** Announces outputs of a compile that begins; the rmeta is used before the compile ends. */
  begin(records: ReadonlyMap<string, ArtifactRecord>): { settle(): void } {
    let finish = () => {};
    const settled = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const entries = [...records].map(
      ([path, record]) => [this.#place(path), { record, settled }] as const,
    );
    for (const [path, entry] of entries) this.#running.set(path, entry);
    return {
      settle: () => {
        for (const [path, entry] of entries) {
          if (this.#running.get(path) === entry) this.#running.delete(path);
        }
        finish();
      },
    };
  }

  /** A target directory that is reached through a symlink has the same files. */
  #place(path: string): string {
    return join(this.#disk.realpath(dirname(path)), basename(path));
  }

  put(path: string, record: ArtifactRecord): void {
    this.#table.put(this.#place(path), record);
  }

  #learn(digest: Digest, identity: Digest): void {
    if (this.#identities.size > 50_000) this.#identities.clear();
    this.#identities.set(digest, identity);
  }

  /** The record of a path, when the file is still the one that was made. */
  at(path: string): ArtifactRecord | undefined {
    const place = this.#place(path);
    const running = this.#running.get(place);
    if (running !== undefined) return running.record;
    const record = this.#table.get(place);
    if (record === undefined || record.digest === null) return undefined;
    return this.#disk.digest(path) === record.digest ? record : undefined;
  }

  /** As `at`, with other calls' turn while a large file is hashed that nobody knows any more. */
  async #checked(path: string): Promise<ArtifactRecord | undefined> {
    const place = this.#place(path);
    const running = this.#running.get(place);
    if (running !== undefined) return running.record;
    const record = this.#table.get(place);
    const digest = await this.#disk.digestAsync(path);
    return record !== undefined && record.digest === digest ? record : undefined;
  }

  /**
   * Direct and transitive dependencies by path; waits for the rlibs of compiles that end. One that
   * takes too long was stopped: cargo starts no link before it has seen the end of all of them.
   */
  async closure(paths: readonly string[], whole: boolean): Promise<Closure> {
    const records = new Map<string, ArtifactRecord>();
    const foreign: string[] = [];
    const open = [...paths];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (records.has(path)) continue;
      const ending = whole ? this.#running.get(this.#place(path))?.settled : undefined;
      const isLate = ending !== undefined && !(await settlesWithin(ENDING_MS, ending));
      const record = isLate ? undefined : await this.#checked(path);
      if (record === undefined) {
        foreign.push(path);
        continue;
      }
      records.set(path, record);
      if (record.role !== 'proc-macro') open.push(...record.externs);
      if (whole && record.rlib !== undefined) open.push(record.rlib);
    }
    return { records, foreign };
  }

  /**
   * The crate of the first file that must stay on this machine, once all of them are made: a
   * dependent starts when there is metadata.
   */
  async staying(paths: Iterable<string>): Promise<string | undefined> {
    for (const path of paths) {
      const place = this.#place(path);
      await this.#running.get(place)?.settled;
      const record = this.#table.get(place);
      if (record?.localOnly) return record.crate;
    }
    return undefined;
  }

  /** Until `done`, nobody can say of these files that they are no private code. */
  storing(paths: Iterable<string>, done: Promise<unknown>): void {
    this.#mayBePrivate = true;
    for (const path of paths) {
      const place = this.#place(path);
      this.#storing.set(place, done);
      const forget = () => {
        if (this.#storing.get(place) === done) this.#storing.delete(place);
      };
      done.then(forget, forget);
    }
  }

  /** Whether these files are private code, as it turned out. */
  mark(paths: Iterable<string>, isPrivate: boolean): void {
    for (const path of paths) {
      const place = this.#place(path);
      const record = this.#table.get(place);
      if (record === undefined || (record.offMesh ?? false) === isPrivate) continue;
      const { offMesh: _, ...plain } = record;
      this.#table.put(place, isPrivate ? { ...plain, offMesh: true } : plain);
    }
  }

  /** Whether the last file of that name was private code. */
  isMarked(path: string): boolean {
    return this.#table.get(this.#place(path))?.offMesh ?? false;
  }

  /** The crate of the first file that is private code, once those that are being stored are known. */
  async privateAmong(paths: Iterable<string>, patienceMs: number): Promise<string | undefined> {
    // What was known when the call began was seen then.
    if (!this.#mayBePrivate) return undefined;
    const places = [...paths].map((path) => this.#place(path));
    const storing = places.flatMap((place) => this.#storing.get(place) ?? []);
    if (storing.length > 0) await settlesWithin(patienceMs, Promise.allSettled(storing));
    for (const place of places) {
      const record = this.#table.get(place);
      if (record?.offMesh) return record.crate;
      // It took too long: whatever it may be, it is not shared by this.
      if (this.#storing.has(place)) return record?.crate ?? '';
    }
    return undefined;
  }

  /**
   * What a dependent can see of a file: its content without the file-name hashes of the closure,
   * and for archives without what changes from one making to the next.
   *
   * @param checked its digest, where it was looked at just now
   */
  identityOf(
    path: string,
    masks: ReadonlySet<string>,
    checked?: Digest | null,
  ): Digest | undefined {
    const digest = checked ?? this.#disk.digest(path);
    if (digest === undefined) return undefined;
    const record = this.#table.get(this.#place(path));
    const known = record?.digest === digest ? record.identity : undefined;
    if (known !== undefined) return known;
    const learnt = this.#identities.get(digest);
    if (learnt !== undefined) return learnt;
    const bytes = this.#disk.read(path);
    if (bytes === undefined) return undefined;
    const identity = this.identify(bytes, masks);
    this.#learn(digest, identity);
    return identity;
  }

  /** `crate identity`, for a file that this node made and that is unchanged. */
  describe(path: string, masks: ReadonlySet<string>): string | undefined {
    const record = this.at(path);
    if (record === undefined) return undefined;
    return `${record.crate} ${this.identityOf(path, masks) ?? 'missing'}`;
  }

  identify(bytes: Buffer, masks: ReadonlySet<string>): Digest {
    return isArchive(bytes)
      ? archiveIdentity(bytes, masks, this.#hasher)
      : maskedDigest(bytes, masks, this.#hasher);
  }
}

const SUFFIX = /^-[0-9a-f]{16}$/;

/** The file-name hashes that a unit and its dependencies bring into metadata. */
export function masksOf(records: Iterable<ArtifactRecord>, own: string): Set<string> {
  const masks = new Set<string>();
  for (const record of records) if (SUFFIX.test(record.suffix)) masks.add(record.suffix);
  if (SUFFIX.test(own)) masks.add(own);
  return masks;
}
