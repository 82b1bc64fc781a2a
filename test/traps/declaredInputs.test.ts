import { describe, expect, it } from 'vitest';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** The program prints what the macro reads; it knows the macro through `facade` only. */
const facade = (expansion: string, more: Files): Files => ({
  'app/Cargo.toml': `${manifest('app')}[dependencies]
    facade = { path = "facade" }\n[workspace]\n`,
  'app/src/main.rs': 'fn main() { println!("{}", facade::tell!()); }\n',
  'app/facade/Cargo.toml': manifest('facade', '[dependencies]\nmacros = { path = "../macros" }\n'),
  'app/facade/src/lib.rs': 'pub use macros::tell;\n',
  'app/macros/Cargo.toml': manifest('macros', '[lib]\nproc-macro = true\n'),
  'app/macros/src/lib.rs': `use proc_macro::{Literal, TokenStream, TokenTree};
    fn at(path: &str) -> std::path::PathBuf {
      std::path::Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join(path)
    }
    fn names(path: &str) -> String {
      let entries = std::fs::read_dir(at(path)).unwrap();
      let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name()).collect();
      names.sort();
      names.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
    }
    fn content(path: &str) -> String { std::fs::read_to_string(at(path)).unwrap() }
    fn variable(name: &str) -> String { std::env::var(name).unwrap() }
    #[proc_macro]
    pub fn tell(_: TokenStream) -> TokenStream {
      let _ = (names as fn(&str) -> String, content as fn(&str) -> String, variable as fn(&str) -> String);
      TokenTree::from(Literal::string(&${expansion})).into()
    }\n`,
  ...more,
});

/** What is compiled from a warm incremental state is another result. */
const PLAIN = { env: { CARGO_INCREMENTAL: '0' } };

/** Cargo looks at the times of what a build script named: one second is the coarsest. */
async function prints(project: Project, text: string, edit: Files): Promise<void> {
  await project.write(edit);
  await project.cargo(['build'], PLAIN);
  expect(await project.output()).toBe(text);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
}

describe('a macro behind a facade looks at', () => {
  it('a directory that the build script named: a file more, a new program', async () => {
    const alice = await pair.one(
      facade('names("migrations")', {
        'app/build.rs': 'fn main() { println!("cargo:rerun-if-changed=migrations"); }\n',
      }),
    );
    await prints(alice, '1.sql', { 'app/migrations/1.sql': '' });
    await prints(alice, '1.sql 2.sql', { 'app/migrations/2.sql': '' });
  });

  it('a file below a directory that the build script named', async () => {
    const alice = await pair.one(
      facade('content("data/deep/text")', {
        'app/build.rs': 'fn main() { println!("cargo::rerun-if-changed=data"); }\n',
      }),
    );
    await prints(alice, 'one', { 'app/data/deep/text': 'one' });
    await prints(alice, 'two', { 'app/data/deep/text': 'two' });
  });

  it('a file of the package, whose build script named nothing', async () => {
    const alice = await pair.one(
      facade('content("data.txt")', { 'app/build.rs': 'fn main() {}\n' }),
    );
    await prints(alice, 'one', { 'app/data.txt': 'one' });
    await prints(alice, 'two', { 'app/data.txt': 'two' });
    await alice.clean();
    const { compiled, units } = await alice.count(['build'], PLAIN);
    expect({ compiled, units }).toEqual({ compiled: 0, units: 4 });
  });

  it('a variable that the build script set', async () => {
    const alice = await pair.one(
      facade('variable("DATABASE_URL")', {
        'app/build.rs': `fn main() {
          println!("cargo:rerun-if-changed=url");
          println!("cargo:rustc-env=DATABASE_URL={}", std::fs::read_to_string("url").unwrap());
        }\n`,
      }),
    );
    await prints(alice, 'one', { 'app/url': 'one' });
    await prints(alice, 'two', { 'app/url': 'two' });
  });

  it('a variable that the build script asked to be run again for', async () => {
    const alice = await pair.one(
      facade('variable("SCHEMA")', {
        'app/build.rs': 'fn main() { println!("cargo:rerun-if-env-changed=SCHEMA"); }\n',
      }),
    );
    for (const SCHEMA of ['one', 'two']) {
      await alice.cargo(['build'], { env: { ...PLAIN.env, SCHEMA } });
      expect(await alice.output()).toBe(SCHEMA);
    }
  });

  it('what cargo says of the package', async () => {
    const files = facade('variable("CARGO_PKG_DESCRIPTION")', {});
    const alice = await pair.one({});
    for (const text of ['one', 'two']) {
      const described = `description = "${text}"\nedition`;
      await alice.write({
        ...files,
        'app/Cargo.toml': files['app/Cargo.toml']!.replace('edition', described),
      });
      await alice.clean();
      await alice.cargo(['build'], PLAIN);
      expect(await alice.output()).toBe(text);
    }
  });
});
