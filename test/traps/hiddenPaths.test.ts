import { describe, expect, it } from 'vitest';
import type { RunOptions } from '../harness/programs.js';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const withLib = (lib: string, more: Files = {}): Files => ({
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }\n[workspace]\n`,
  'app/src/main.rs': 'fn main() { println!("{}", lib::here()); }\n',
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': lib,
  ...more,
});

/** Each builds and sees their own path; the second build of each is from their own disk. */
async function expectOwnPaths(
  files: Files,
  expected: (dir: string) => string | RegExp,
  options: RunOptions = {},
): Promise<void> {
  const { alice, bob } = await pair.both(files);
  for (const project of [alice, bob]) {
    // The program at least is bound to the place.
    expect((await project.count(['build'], options)).compiled).toBeGreaterThan(0);
    const own = expected(project.dir);
    if (typeof own === 'string') expect(await project.output()).toBe(own);
    else expect(await project.output()).toMatch(own);
  }
  await bob.clean();
  expect(await bob.count(['build'], options)).toMatchObject({ compiled: 0, hits: { peer: 0 } });
  expect(await bob.output()).toMatch(expected(bob.dir));
}

const HERE = 'pub fn here() -> &\'static str { env!("CARGO_MANIFEST_DIR") }\n';

/** Bitcode, which rust-lld links without a plugin. */
const LTO = { env: { RUSTFLAGS: '-C linker-plugin-lto' } };

const COMPRESSED = { env: { RUSTFLAGS: '-C link-arg=-Wl,--compress-debug-sections=zlib' } };

describe('a path that no search for bytes finds', () => {
  it('env! under linker-plugin LTO', () =>
    expectOwnPaths(withLib(HERE), (dir) => `${dir}/lib`, LTO));

  it('env! with compressed debug sections', () =>
    expectOwnPaths(withLib(HERE), (dir) => `${dir}/lib`, COMPRESSED));
});

it('env! folded into a number, in an included file that is not called .rs', () =>
  expectOwnPaths(
    withLib(
      `include!("made.in");
      pub const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/text"));
      pub fn here() -> String { format!("{TEXT}{LENGTH}") }\n`,
      {
        'app/lib/src/made.in': 'const LENGTH: usize = env!("CARGO_MANIFEST_DIR").len();\n',
        'app/lib/text': 'length ',
      },
    ),
    (dir) => `length ${`${dir}/lib`.length}`,
  ));

describe('OUT_DIR', () => {
  const build = `fn main() {
    let dir = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{dir}/made.rs"), "pub const MADE: u32 = 7;").unwrap();
  }\n`;
  const own = (dir: string) => new RegExp(`^(7 )?${dir}/target/debug/build/lib-[0-9a-f]+/out$`);

  it('baked in as a string', () =>
    expectOwnPaths(
      withLib('pub fn here() -> &\'static str { env!("OUT_DIR") }\n', {
        'app/lib/build.rs': build,
      }),
      own,
    ));

  it('used for include! and as a string', () =>
    expectOwnPaths(
      withLib(
        `include!(concat!(env!("OUT_DIR"), "/made.rs"));
        pub fn here() -> String { format!("{MADE} {}", env!("OUT_DIR")) }\n`,
        { 'app/lib/build.rs': build },
      ),
      own,
    ));
});

describe('a proc-macro that bakes a path in', () => {
  const macro = (expansion: string): Files => ({
    'app/lib/Cargo.toml': manifest('lib', '[dependencies]\nplace = { path = "../place" }\n'),
    'app/place/Cargo.toml': manifest('place', '[lib]\nproc-macro = true\n'),
    'app/place/src/lib.rs': `use proc_macro::{Literal, TokenStream, TokenTree};
      #[proc_macro]
      pub fn place(_: TokenStream) -> TokenStream {
        let path = ${expansion};
        TokenTree::from(Literal::string(&path)).into()
      }\n`,
  });
  const LIB = "pub fn here() -> &'static str { place::place!() }\n";
  const variable = macro('std::env::var("CARGO_MANIFEST_DIR").unwrap()');
  const file = macro(
    'std::fs::canonicalize(proc_macro::Span::call_site().local_file().unwrap()).unwrap()' +
      '.to_string_lossy().into_owned()',
  );

  it('CARGO_MANIFEST_DIR, read when it expands', () =>
    expectOwnPaths(withLib(LIB, variable), (dir) => `${dir}/lib`));

  it('Span::local_file(), resolved when it expands', () =>
    expectOwnPaths(withLib(LIB, file), (dir) => `${dir}/lib/src/lib.rs`));

  it('the same under linker-plugin LTO', () =>
    expectOwnPaths(withLib(LIB, variable), (dir) => `${dir}/lib`, LTO));
});
