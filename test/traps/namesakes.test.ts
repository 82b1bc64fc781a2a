import { expect, it } from 'vitest';
import { manifest, pairOfDevelopers } from './support.js';

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

/**
 * Cargo names outputs otherwise with CARGO_INCREMENTAL=0 than without. A crate that is restored
 * under the second name says that it has the first, under which an older build of it stands in the
 * same directory. Only the C code of the two differs.
 */
for (const { namedBy, attribute, more } of CASES) {
  it(`links the build of a dependency that was meant, whose C library ${namedBy} names`, async () => {
    const alice = await pair.one({
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
