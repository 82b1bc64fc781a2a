import { describe, expect, it } from 'vitest';
import { manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** A macro that reads a file behind everybody's back: the documented limit of any key. */
const SECRETIVE = {
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nsecretive = { path = "secretive" }\n[workspace]\n`,
  'app/src/main.rs': 'fn main() { println!("{}", secretive::word!()); }\n',
  'app/secretive/Cargo.toml': `${manifest('secretive')}[lib]\nproc-macro = true\n`,
  'app/secretive/src/lib.rs': `
    #[proc_macro]
    pub fn word(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
      let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
      let text = std::fs::read_to_string(format!("{dir}/word.txt")).unwrap();
      format!("{:?}", text.trim()).parse().unwrap()
    }
  `,
  'app/word.txt': 'first\n',
};

describe('VRIFT_VERIFY=1', () => {
  it('finds a result that is not what the compiler makes now, drops it and lets the compiler win', async () => {
    const project = await pair.one(SECRETIVE);
    await project.cargo(['build']);
    await project.write({ 'app/word.txt': 'second\n' });
    await project.clean();
    expect(await project.count(['build'])).toMatchObject({ compiled: 0 });
    expect(await project.output()).toBe('first');

    await project.clean();
    const checked = await project.count(['build'], { env: { VRIFT_VERIFY: '1' } });
    expect(checked.errors).toEqual({ VRIFT_VERIFY_DIFFERS: 1 });
    expect(await project.output()).toBe('second');

    await project.clean();
    expect(await project.count(['build'])).toMatchObject({ compiled: 1, hits: { disk: 1 } });
    expect(await project.output()).toBe('second');
  });

  it('is content with what is the same', async () => {
    const project = await pair.one({
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }\n[workspace]\n`,
      'app/src/main.rs': 'fn main() { println!("{}", lib::one()); }\n',
      'app/lib/Cargo.toml': manifest('lib'),
      'app/lib/src/lib.rs': 'pub fn one() -> u8 { 1 }\n',
    });
    await project.cargo(['build']);
    await project.clean();
    const checked = await project.count(['build'], { env: { VRIFT_VERIFY: '1' } });
    expect(checked).toMatchObject({ compiled: 2, errors: {} });
    await project.clean();
    expect(await project.count(['build'])).toMatchObject({ compiled: 0, hits: { disk: 2 } });
  });
});
