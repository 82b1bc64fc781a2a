import { describe, expect, it } from 'vitest';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** `app` uses a macro that `facade` exports again: the macro is no extern of `app`. */
const FILES: Files = {
  'app/Cargo.toml': manifest(
    'app',
    'description = "one"\n[dependencies]\nfacade = { path = "facade" }\n[workspace]\n',
  ),
  'app/src/main.rs': 'fn main() { println!("{}", facade::description!()); }\n',
  'app/facade/Cargo.toml': manifest('facade', '[dependencies]\nmacros = { path = "../macros" }\n'),
  'app/facade/src/lib.rs': 'pub use macros::description;\n',
  'app/macros/Cargo.toml': manifest('macros', '[lib]\nproc-macro = true\n'),
  'app/macros/src/lib.rs': `use proc_macro::TokenStream;
    #[proc_macro]
    pub fn description(_: TokenStream) -> TokenStream {
      format!("{:?}", std::env::var("CARGO_PKG_DESCRIPTION").unwrap()).parse().unwrap()
    }\n`,
};

describe('a procedural macro that another crate exports again', () => {
  it('reads a variable of the package: another value is a miss', async () => {
    const alice = await pair.one(FILES);
    const text = await alice.read('app/Cargo.toml');
    for (const description of ['one', 'two', 'one']) {
      await alice.write({ 'app/Cargo.toml': text.replace('"one"', JSON.stringify(description)) });
      // Cargo itself does not know that the macro reads it, and would not call the compiler.
      await alice.clean();
      await alice.cargo(['build']);
      expect(await alice.output()).toBe(description);
    }
    expect((await alice.developer.stats()).hits.disk).toBeGreaterThan(0);
  });
});
