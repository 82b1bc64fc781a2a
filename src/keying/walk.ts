import { dirname, join } from 'node:path';
import type { Digest } from '../base/digest.js';
import { fits, isWild, type Pattern } from './patterns.js';

export interface FileNode {
  kind: 'file';
  bytes: number;
  changedNs: bigint;
  /** Where the content is known already. */
  digest: Digest | undefined;
}

/** What stands at a path, through symbolic links. */
export type Node = FileNode | { kind: 'directory' | 'absent' | 'special' };

export interface Entry {
  name: string;
  /** `other`: what only a look at it tells, a symbolic link for one. */
  kind: 'file' | 'directory' | 'other';
}

/** What looking for declared inputs asks of the disk. */
export interface Tree {
  /** undefined where the disk does not tell. */
  look(path: string): Node | undefined;
  /** Sorted by name; [] for what is no directory. A string is why it cannot be listed. */
  list(path: string, most: number): readonly Entry[] | string;
  /** undefined for a file that cannot be read. */
  digest(path: string): Promise<Digest | undefined>;
  /** Without symlinks. */
  realpath(path: string): string;
}

/** Entries met on the way, files and directories alike: at some 5 µs each, what a call can bear. */
const MAX_ENTRIES = 10_000;
const MAX_BYTES = 2 ** 30;

/** Repositories change with every commit, whatever the project reads. */
const REPOSITORIES = ['.git', '.hg', '.jj', '.svn'];
/** Marks directories that tools fill, as cargo does with the target directory. */
const CACHE_TAG = 'CACHEDIR.TAG';

/** Finds what declared patterns mean at the moment. Its bounds are for all patterns together. */
export class Walk {
  readonly #top: string;
  readonly #tree: Tree;
  #entries = 0;
  #bytes = 0;
  #found = new Map<string, string>();
  readonly #seen = new Set<string>();
  /** Change times of the files: they show a change even when it was taken back. */
  readonly changes: string[] = [];
  /** Why nothing can be told. */
  problem: string | undefined;

  /** @param top where the patterns start */
  constructor(top: string, tree: Tree) {
    this.#top = top;
    this.#tree = tree;
  }

  /** Path below the top → digest of a file, or what else is there. */
  async find({ segments }: Pattern): Promise<Map<string, string>> {
    this.#found = new Map();
    this.#seen.clear();
    if (segments.some(isWild)) await this.#match('', segments);
    else await this.#takeNamed(segments.join('/'), 'absent');
    return this.#found;
  }

  async #match(from: string, segments: readonly string[]): Promise<void> {
    const wild = segments.findIndex(isWild);
    if (wild < 0) return this.#takeNamed(below(from, segments.join('/')));
    const path = below(from, segments.slice(0, wild).join('/'));
    const segment = segments[wild]!;
    const rest = segments.slice(wild + 1);
    const place = `${rest.length} ${path}`;
    if (this.#seen.has(place)) return;
    this.#seen.add(place);
    if (segment === '**') await this.#match(path, rest);
    for (const entry of this.#list(path)) {
      if (!this.#goesOn()) return;
      if (!fits(entry.name, segment)) continue;
      const child = below(path, entry.name);
      if (segment === '**') {
        if (this.#enters(child, entry)) await this.#match(child, segments.slice(wild));
      } else if (rest.length === 0) await this.#meet(child, entry);
      else if (this.#enters(child, entry)) await this.#match(child, rest);
    }
  }

  async #takeNamed(path: string, absent?: string): Promise<void> {
    if (this.#goesOn()) await this.#take(path, absent);
  }

  /** @param absent what to say where nothing is; undefined says nothing */
  async #take(path: string, absent: string | undefined): Promise<void> {
    const node = this.#tree.look(join(this.#top, path));
    switch (node?.kind) {
      case undefined:
        return this.#fail(`${path} cannot be read`);
      case 'file':
        return this.#takeFile(path, node);
      case 'directory':
        return this.#takeAll(path);
      case 'absent':
        if (absent !== undefined) this.#found.set(path, absent);
        return;
      case 'special':
        this.#found.set(path, 'neither file nor directory');
        return;
      default:
        return node satisfies never;
    }
  }

  async #takeFile(path: string, { bytes, changedNs, digest: known }: FileNode): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes > MAX_BYTES) this.#fail('more than 1 GiB');
    if (this.problem !== undefined) return;
    const digest = known ?? (await this.#tree.digest(join(this.#top, path)));
    if (digest === undefined) return this.#fail(`${path} cannot be read`);
    this.#found.set(path, digest);
    this.changes.push(`${path} ${changedNs}`);
  }

  /** A whole directory, hidden files included. */
  async #takeAll(path: string): Promise<void> {
    this.#found.set(`${path === '' ? '.' : path}/`, 'directory');
    for (const entry of this.#list(path)) {
      if (!this.#goesOn()) return;
      await this.#meet(below(path, entry.name), entry);
    }
  }

  /** Takes what nobody named: not what is none of the project's content. */
  async #meet(path: string, entry: Entry): Promise<void> {
    if (this.#isDirectory(path, entry) && !this.#enters(path, entry)) return;
    await this.#take(path, 'link to nothing');
  }

  /** Whether it is a directory that a walk goes into. */
  #enters(path: string, entry: Entry): boolean {
    if (REPOSITORIES.includes(entry.name) || !this.#isDirectory(path, entry)) return false;
    if (entry.kind === 'other' && this.#isAround(path)) return false;
    return this.#tree.look(join(this.#top, path, CACHE_TAG))?.kind === 'absent';
  }

  #isDirectory(path: string, { kind }: Entry): boolean {
    if (kind !== 'other') return kind === 'directory';
    return this.#tree.look(join(this.#top, path))?.kind === 'directory';
  }

  /** Whether a link leads to a directory that it stands in. */
  #isAround(path: string): boolean {
    const link = join(this.#top, path);
    return `${this.#tree.realpath(dirname(link))}/`.startsWith(`${this.#tree.realpath(link)}/`);
  }

  #list(path: string): readonly Entry[] {
    const entries = this.#tree.list(join(this.#top, path), MAX_ENTRIES);
    if (typeof entries !== 'string') return entries;
    this.#fail(`${path === '' ? 'the directory of velo.toml' : path} ${entries}`);
    return [];
  }

  /** Counts an entry. @returns false when there is nothing more to find out */
  #goesOn(): boolean {
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES) this.#fail(`more than ${MAX_ENTRIES} files to look at`);
    return this.problem === undefined;
  }

  #fail(problem: string): void {
    this.problem ??= problem;
  }
}

function below(directory: string, path: string): string {
  return directory === '' || path === '' ? directory + path : `${directory}/${path}`;
}
