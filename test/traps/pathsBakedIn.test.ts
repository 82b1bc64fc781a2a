import { describe, expect, it } from 'vitest';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

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

  /** A program that prints a number which the library makes of a path. */
  const folded = (lib: string, more: Files = {}): Files => ({
    'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }\n[workspace]\n`,
    'app/src/main.rs': 'fn main() { println!("{}", lib::HASH); }\n',
    'app/lib/Cargo.toml': manifest('lib'),
    'app/lib/src/lib.rs': `
      pub const fn hash(text: &str) -> u64 {
        let bytes = text.as_bytes();
        let (mut h, mut i) = (0xcbf29ce484222325u64, 0);
        while i < bytes.len() { h = (h ^ bytes[i] as u64).wrapping_mul(0x100000001b3); i += 1; }
        h
      }
      ${lib}
    `,
    ...more,
  });

  function numberOf(path: string): string {
    let h = 0xcbf29ce484222325n;
    for (const byte of Buffer.from(path)) {
      h = ((h ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
    }
    return String(h);
  }

  it('env! folded into a number, where no string survives', async () => {
    const files = folded('pub const HASH: u64 = hash(env!("CARGO_MANIFEST_DIR"));');
    const { alice, bob } = await pair.both(files);
    await alice.cargo(['build']);
    expect(await alice.output()).toBe(numberOf(`${alice.dir}/lib`));
    expect((await bob.count(['build'])).compiled).toBe(2);
    expect(await bob.output()).toBe(numberOf(`${bob.dir}/lib`));
  });

  const SCRIPT = {
    'app/lib/build.rs': `fn main() {
      let dir = std::env::var("OUT_DIR").unwrap();
      std::fs::write(format!("{dir}/made.rs"), "").unwrap();
    }\n`,
  };
  const outDir = async ({ developer, dir }: Project) => {
    const { stdout } = await developer.run('find', [`${dir}/target/debug/build`, '-name', 'out']);
    return stdout.trim().split('\n');
  };

  it('OUT_DIR folded into a number, beside an include! of a file in it', async () => {
    const lib = `include!(concat!(env!("OUT_DIR"), "/made.rs"));
      pub const HASH: u64 = hash(env!("OUT_DIR"));`;
    const { alice, bob } = await pair.both(folded(lib, SCRIPT));
    for (const project of [alice, bob]) {
      // The build script's program holds no path.
      const compiled = project === alice ? 3 : 2;
      expect((await project.count(['build'])).compiled).toBe(compiled);
      expect(await outDir(project).then((dirs) => dirs.map(numberOf))).toEqual([
        await project.output(),
      ]);
    }
  });

  it('OUT_DIR folded into a number by a macro of a dependency, beside such an include!', async () => {
    const { alice, bob } = await pair.both({
      ...folded(`include!(concat!(env!("OUT_DIR"), "/made.rs"));
        pub const HASH: u64 = folds::place!();`),
      'app/lib/build.rs': `// for a macro\n${SCRIPT['app/lib/build.rs']}`,
      'app/lib/Cargo.toml': manifest('lib', '[dependencies]\nfolds = { path = "../folds" }\n'),
      'app/folds/Cargo.toml': manifest('folds'),
      'app/folds/src/lib.rs':
        '#[macro_export] macro_rules! place { () => { crate::hash(env!("OUT_DIR")) } }\n',
    });
    for (const project of [alice, bob]) {
      const compiled = project === alice ? 4 : 2;
      expect((await project.count(['build'])).compiled).toBe(compiled);
      expect(await outDir(project).then((dirs) => dirs.map(numberOf))).toEqual([
        await project.output(),
      ]);
    }
  });
});
