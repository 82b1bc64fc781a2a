import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { Developer } from '../harness/developer.js';
import type { Finished, RunOptions } from '../harness/programs.js';
import { type Files, manifest, Project } from './support.js';

/** A library and a program that uses it: two units. The program prints `word`. */
export function small(word: string): Files {
  return {
    'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
    'app/src/main.rs': 'fn main() { println!("{}", lib::word()); }\n',
    'app/lib/Cargo.toml': manifest('lib'),
    'app/lib/src/lib.rs': `pub fn word() -> &'static str { ${JSON.stringify(word)} }\n`,
  };
}

export interface Alone {
  readonly alice: Developer;
  /** The two units of `small`, with a word that nobody else has. */
  project(): Promise<Project & { word: string }>;
}

/** One developer without a mesh for all tests of a file; her node is started by the tests. */
export function oneDeveloper(): Alone {
  let alice: Developer | undefined;
  let projects = 0;
  beforeAll(async () => {
    alice = await Developer.create('alice', { workspace: 'bound' });
  });
  afterAll(() => alice?.dispose());
  return {
    get alice() {
      return alice!;
    },
    async project() {
      const word = `word ${++projects}`;
      const project = new Project(alice!, join(alice!.root, 'src', `p${projects}`));
      return Object.assign(await project.write(small(word)), { word });
    },
  };
}

/** What the law asks: the build passes, its program is right, and nothing is dirty afterwards. */
export async function passes(
  project: Project & { word: string },
  options: RunOptions = {},
): Promise<Finished> {
  const done = await project.cargo(['build'], options);
  expect(await project.output()).toBe(project.word);
  const again = await project.cargo(['build'], options);
  expect(again.stderr).not.toMatch(/^\s*(Compiling|Dirty)/m);
  return done;
}

/** The store holds nothing that is not what its name says. */
export async function isSound(developer: Developer): Promise<void> {
  expect((await developer.vriftJson<{ bad: number }>(['verify'])).bad).toBe(0);
}
