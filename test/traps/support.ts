import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import type { StatsInfo } from '../../src/wire/control.js';
import { Developer, formMesh } from '../harness/developer.js';
import type { Finished, RunOptions } from '../harness/programs.js';

/** Path → text, relative to the project's parent: `app/Cargo.toml`, `shared/src/lib.rs`. */
export type Files = Readonly<Record<string, string>>;

/** Compilers run unseen: only what is declared is in the key. */
export const UNWATCHED = '[l2_cache]\nobserve = false\n';

export type Counted = Pick<StatsInfo, 'units' | 'hits' | 'misses' | 'compiled' | 'bypassed'> &
  StatsInfo;

/** A small workspace of one developer; its files may be edited between builds. */
export class Project {
  readonly developer: Developer;
  /** Parent of everything in `files`. */
  readonly parent: string;
  /** Where cargo runs: the directory `app`. */
  readonly dir: string;

  constructor(developer: Developer, parent: string) {
    this.developer = developer;
    this.parent = parent;
    this.dir = join(parent, 'app');
  }

  async write(files: Files): Promise<this> {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.parent, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    return this;
  }

  read(path: string): Promise<string> {
    return readFile(join(this.parent, path), 'utf8');
  }

  async remove(path: string): Promise<void> {
    await rm(join(this.parent, path), { recursive: true, force: true });
  }

  /** Runs cargo through the launcher; throws when it fails. */
  cargo(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.developer.cargo(args, { cwd: this.dir, ...options });
  }

  /** Runs cargo and says what this node counted meanwhile. */
  async count(args: readonly string[], options: RunOptions = {}): Promise<Counted> {
    await this.developer.resetStats();
    await this.cargo(args, options);
    return this.developer.stats();
  }

  /** Standard output of the debug program of that name. */
  async output(name = 'app', profile = 'debug'): Promise<string> {
    const program = join(this.dir, 'target', profile, name);
    const { stdout } = await this.developer.run(program, [], { cwd: this.dir });
    return stdout.trim();
  }

  async clean(): Promise<void> {
    await rm(join(this.dir, 'target'), { recursive: true, force: true });
  }
}

export interface Pair {
  alice: Developer;
  bob: Developer;
  /** The same files for both, at paths that no other project has. */
  both(files: Files): Promise<{ alice: Project; bob: Project }>;
  /** A project of Alice's alone. */
  one(files: Files): Promise<Project>;
}

/** On one machine both nodes would have its name. */
const named = (name: string) => `[mesh]\nname = "${name}"\n`;

/**
 * Two developers with a node each, in one mesh, for all tests of a file.
 *
 * @param more tables of config.toml for both
 */
export function pairOfDevelopers(more = ''): Pair {
  let alice: Developer | undefined;
  let bob: Developer | undefined;
  let projects = 0;
  beforeAll(async () => {
    alice = await Developer.create('alice', { workspace: 'bound', config: named('alice') + more });
    bob = await Developer.create('bob', { workspace: 'bound', config: named('bob') + more });
    await formMesh('traps', alice, bob);
    // Two seconds after they meet, nodes compare what they have: not in the middle of a test.
    await sleep(3_000);
  }, 60_000);
  afterAll(async () => {
    await alice?.dispose();
    await bob?.dispose();
  });
  const project = (developer: Developer, parent: string, files: Files) =>
    new Project(developer, parent).write(files);
  return {
    get alice() {
      return alice!;
    },
    get bob() {
      return bob!;
    },
    async both(files) {
      const name = `p${++projects}`;
      return {
        alice: await project(alice!, join(alice!.root, 'src', name), files),
        bob: await project(bob!, join(bob!.root, 'other', 'place', name), files),
      };
    },
    one(files) {
      const name = `p${++projects}`;
      return project(alice!, join(alice!.root, 'src', name), files);
    },
  };
}

/** Cargo.toml of a package without dependencies; `more` is appended. */
export function manifest(name: string, more = ''): string {
  return `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n${more}`;
}
