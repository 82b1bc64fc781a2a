import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { areShared, builds, isFresh } from './builds.js';
import { tool } from './calls.js';
import { type Files, manifest, Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** A library for C, with a test of its own. */
const library = (types: string, answer: number): Files => ({
  'app/Cargo.toml': manifest('app', `[lib]\ncrate-type = ${types}\n[workspace]\n`),
  'app/src/lib.rs': `#[no_mangle] pub extern "C" fn answer() -> i32 { ${answer} }\n`,
  'app/tests/whole.rs': '#[test] fn answers() { assert!(app::answer() >= 40); }\n',
  'app/main.c': `#include <stdio.h>
    int answer(void);
    int main(void) { printf("%d\\n", answer()); return 0; }\n`,
});

const STATIC = ['target/debug/libapp.a', '-lpthread', '-ldl', '-lm'];
const SHARED = ['-Ltarget/debug', '-lapp', '-Wl,-rpath,target/debug'];

/** What the C program prints when it is linked so. */
async function linkedByC(project: Project, libraries: readonly string[]): Promise<string> {
  await tool(project, 'cc', 'main.c', '-o', 'program', ...libraries);
  return tool(project, './program');
}

describe('kinds of crates', () => {
  it('cdylib and rlib: a C program links what came from another home', async () => {
    const both = await pair.both(library('["cdylib", "rlib"]', 40));
    await areShared(both, ['build'], 1);
    expect(await linkedByC(both.bob, SHARED)).toBe('40\n');
    const { stdout } = await areShared(both, ['test', '--tests'], 2);
    expect(stdout).toContain('test answers ... ok');
  });

  it('cdylib, staticlib and rlib at once: C programs link what came from another checkout', async () => {
    const types = '["cdylib", "staticlib", "rlib"]';
    const alice = await pair.one(library(types, 41));
    await builds(alice, ['build'], { compiled: 1 });
    const other = new Project(pair.alice, join(alice.parent, 'another/checkout'));
    await other.write(library(types, 41));
    // The programs that C makes of it, before and after edits.
    for (const [answer, expected] of [
      [41, { disk: 1 }],
      [42, { compiled: 1 }],
      [41, { disk: 1 }],
    ] as const) {
      await other.write(library(types, answer));
      await builds(other, ['build'], expected);
      expect(await linkedByC(other, STATIC)).toBe(`${answer}\n`);
      expect(await linkedByC(other, SHARED)).toBe(`${answer}\n`);
      await isFresh(other, ['build']);
    }
  });

  it('a procedural macro with tests of its own, used by its own tests', async () => {
    const both = await pair.both({
      'app/Cargo.toml': manifest('derives', '[lib]\nproc-macro = true\n[workspace]\n'),
      'app/src/lib.rs': `use proc_macro::TokenStream;
        fn number() -> u32 { 7 }
        #[proc_macro] pub fn seven(_: TokenStream) -> TokenStream {
          number().to_string().parse().unwrap()
        }
        #[cfg(test)] mod tests { #[test] fn inside() { assert_eq!(super::number(), 7); } }\n`,
      'app/tests/whole.rs': '#[test] fn expands() { assert_eq!(derives::seven!(), 7); }\n',
    });
    const { stdout } = await areShared(both, ['test', '--tests'], 3);
    expect(stdout).toContain('test tests::inside ... ok');
    expect(stdout).toContain('test expands ... ok');
  });

  it('a workspace whose packages share crate names, kinds and file names', async () => {
    const member = (name: string) => ({
      [`app/${name}/Cargo.toml`]: manifest(
        name,
        `[lib]\nname = "common"\n[[bin]]\nname = "${name}"\npath = "src/main.rs"\n`,
      ),
      [`app/${name}/build.rs`]: `fn main() { println!("cargo::rustc-env=SAYS=${name}"); }\n`,
      [`app/${name}/src/lib.rs`]: 'pub fn says() -> &\'static str { env!("SAYS") }\n',
      [`app/${name}/src/main.rs`]: 'fn main() { println!("{}", common::says()); }\n',
      [`app/${name}/tests/same.rs`]: `#[test] fn says() { assert_eq!(common::says(), "${name}"); }\n`,
    });
    const both = await pair.both({
      'app/Cargo.toml': '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n',
      ...member('one'),
      ...member('two'),
    });
    await areShared(both, ['build'], 6);
    expect(await both.bob.output('one')).toBe('one');
    expect(await both.bob.output('two')).toBe('two');
    const { stdout } = await areShared(both, ['test', '--test', 'same'], 2);
    expect(stdout.match(/test says \.\.\. ok/g)).toHaveLength(2);
    await isFresh(both.bob, ['build']);
  });
});
