import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const part = (value: number) => ({
  'app/sys/part.c': `unsigned part(void) { return ${value}; }\n`,
});

const buildScript = (more: string) => `
  use std::process::Command;
  fn run(program: &str, arguments: &[&str]) {
    assert!(Command::new(program).args(arguments).status().unwrap().success());
  }
  fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    println!("cargo:rerun-if-changed=part.c");
    run("cc", &["-c", "part.c", "-fPIC", "-o", &format!("{out}/part.o")]);
    run("ar", &["crsD", &format!("{out}/libpart.a"), &format!("{out}/part.o")]);
    println!("cargo:rustc-link-search=native={out}");
    ${more}
  }
`;

const CASES = [
  {
    namedBy: 'the build script',
    attribute: '',
    more: 'println!("cargo:rustc-link-lib=static=part");',
  },
  { namedBy: 'an attribute', attribute: '#[link(name = "part", kind = "static")]', more: '' },
];

const chain = (attribute: string, more: string): Files => ({
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nmid = { path = "mid" }\n[workspace]\n`,
  'app/src/main.rs': 'fn main() { println!("{}", mid::get()); }\n',
  'app/mid/Cargo.toml': manifest('mid', '[dependencies]\nsys = { path = "../sys" }\n'),
  'app/mid/src/lib.rs': 'pub fn get() -> u32 { sys::get() }\n',
  'app/sys/Cargo.toml': manifest('sys'),
  'app/sys/src/lib.rs': `${attribute} extern "C" { fn part() -> u32; }
    pub fn get() -> u32 { unsafe { part() } }\n`,
  'app/sys/build.rs': buildScript(more),
  ...part(1),
});

const plain = { env: { CARGO_INCREMENTAL: '0' } };

/**
 * Cargo names outputs otherwise with CARGO_INCREMENTAL=0 than without. A crate that is restored
 * under the second name says that it has the first, under which an older build of it stands in the
 * same directory. Only the C code of the two differs.
 */
for (const { namedBy, attribute, more } of CASES) {
  it(`links the build of a dependency that was meant, whose C library ${namedBy} names`, async () => {
    const alice = await pair.one(chain(attribute, more));
    for (const value of [1, 2]) {
      await alice.write(part(value));
      await alice.cargo(['build'], plain);
      expect(await alice.output()).toBe(`${value}`);
    }
    await alice.write(part(1));
    expect((await alice.count(['build'])).hits.disk).toBeGreaterThan(0);
    expect(await alice.output()).toBe('1');
  });
}

it('links the build that was meant where the node has forgotten the older one', async () => {
  const { namedBy: _, attribute, more } = CASES[0]!;
  const { alice, bob } = await pair.both(chain(attribute, `${more} // of two`));
  await alice.cargo(['build'], plain);
  await bob.write(part(2));
  await bob.cargo(['build'], plain);
  expect(await bob.output()).toBe('2');
  await bob.developer.stop();
  await rm(join(bob.developer.vriftHome, 'l2'), { recursive: true });
  await bob.developer.start();
  await bob.developer.meets(pair.alice);

  const main = 'fn main() { println!("again {}", mid::get()); }\n';
  await bob.write({ ...part(1), 'app/src/main.rs': main });
  expect(await bob.count(['build'])).toMatchObject({ compiled: 1, hits: { peer: 3 } });
  expect(await bob.output()).toBe('again 1');
  const deps = await readdir(join(bob.dir, 'target/debug/deps'));
  expect(deps.filter((name) => name.startsWith('.vrift-'))).toEqual([]);
  expect(deps.filter((name) => /^libsys-.*\.rlib$/.test(name))).toHaveLength(2);
});

it('leaves another checkout its own, where two share a target directory', async () => {
  const files = (value: number) => ({
    'app/Cargo.toml': `${manifest('app')}[dependencies]\nmid = { path = "../mid" }\n[workspace]\n`,
    'app/src/main.rs': 'fn main() { println!("{}", mid::get()); }\n',
    'mid/Cargo.toml': manifest('mid', '[dependencies]\nbase = { path = "../base" }\n'),
    'mid/src/lib.rs': 'pub fn get() -> u32 { base::get() }\n',
    'base/Cargo.toml': manifest('base'),
    'base/src/lib.rs': `pub fn get() -> u32 { ${value} }\n`,
  });
  const one = await pair.one(files(1));
  const two = await pair.one(files(2));
  const shared = { env: { CARGO_TARGET_DIR: `${one.parent}/target` } };
  await one.cargo(['build'], shared);
  await two.cargo(['build'], shared);
  const { stderr } = await one.cargo(['build', '-v'], shared);
  expect(stderr).toMatch(/Fresh base/);
  expect(stderr).toMatch(/Fresh mid/);
});
