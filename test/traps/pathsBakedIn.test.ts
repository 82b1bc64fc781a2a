import { describe, expect, it } from 'vitest';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

describe('a path that is baked in', () => {
  it('env!("CARGO_MANIFEST_DIR") in a library: Bob\'s program prints Bob\'s path', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }\n[workspace]\n`,
      'app/src/main.rs': 'fn main() { println!("{}", lib::here()); }\n',
      'app/lib/Cargo.toml': manifest('lib'),
      'app/lib/src/lib.rs': 'pub fn here() -> &\'static str { env!("CARGO_MANIFEST_DIR") }\n',
    });
    await alice.cargo(['build']);
    expect(await alice.output()).toBe(`${alice.dir}/lib`);
    const counted = await bob.count(['build']);
    expect(await bob.output()).toBe(`${bob.dir}/lib`);
    expect(counted.compiled).toBe(2);

    await bob.clean();
    expect(await bob.count(['build'])).toMatchObject({ compiled: 0, hits: { disk: 2 } });
    expect(await bob.output()).toBe(`${bob.dir}/lib`);
  });

  /**
   * A program that prints a number which it makes of a path. In a library the path would stay in
   * the metadata, where the search for bytes finds it.
   */
  const folded = (number: string, dependencies = ''): Files => ({
    'app/Cargo.toml': `${manifest('app')}[dependencies]\n${dependencies}[workspace]\n`,
    'app/src/main.rs': `
      const fn hash(text: &str) -> u64 {
        let bytes = text.as_bytes();
        let (mut h, mut i) = (0xcbf29ce484222325u64, 0);
        while i < bytes.len() { h = (h ^ bytes[i] as u64).wrapping_mul(0x100000001b3); i += 1; }
        h
      }
      ${number}
      fn main() { println!("{HASH}"); }
    `,
  });

  function numberOf(path: string): string {
    let h = 0xcbf29ce484222325n;
    for (const byte of Buffer.from(path)) {
      h = ((h ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
    }
    return String(h);
  }

  it('env! folded into a number, where no string survives', async () => {
    const { alice, bob } = await pair.both(
      folded('const HASH: u64 = hash(env!("CARGO_MANIFEST_DIR"));'),
    );
    for (const project of [alice, bob]) {
      expect((await project.count(['build'])).compiled).toBe(1);
      expect(await project.output()).toBe(numberOf(project.dir));
    }
  });

  const INCLUDED = 'include!(concat!(env!("OUT_DIR"), "/made.rs"));';
  const script = (about: string): Files => ({
    'app/build.rs': `// ${about}
      fn main() {
        let dir = std::env::var("OUT_DIR").unwrap();
        std::fs::write(format!("{dir}/made.rs"), "").unwrap();
      }\n`,
  });

  /** Each program is linked where it is built; what else there is comes from the first. */
  async function expectOwnNumbers(files: Files, units: number): Promise<void> {
    const { alice, bob } = await pair.both(files);
    for (const project of [alice, bob]) {
      const { compiled } = await project.count(['build']);
      expect(compiled).toBe(project === alice ? units : 1);
      const { developer, dir } = project;
      const found = await developer.run('find', [`${dir}/target/debug/build`, '-name', 'out']);
      expect(await project.output()).toBe(numberOf(found.stdout.trim()));
    }
  }

  it('OUT_DIR folded into a number, beside an include! of a file in it', () =>
    expectOwnNumbers(
      {
        ...folded(`${INCLUDED} const HASH: u64 = hash(env!("OUT_DIR"));`),
        ...script('by the crate itself'),
      },
      2,
    ));

  it('OUT_DIR folded into a number by a macro of a dependency, beside such an include!', () =>
    expectOwnNumbers(
      {
        ...folded(`${INCLUDED} folds::place!(HASH, hash);`, 'folds = { path = "folds" }\n'),
        ...script('by a macro'),
        'app/folds/Cargo.toml': manifest('folds'),
        'app/folds/src/lib.rs': `#[macro_export] macro_rules! place {
          ($name:ident, $hash:path) => { const $name: u64 = $hash(env!("OUT_DIR")); }
        }\n`,
      },
      3,
    ));
});
