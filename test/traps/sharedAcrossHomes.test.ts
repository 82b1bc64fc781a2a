import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Developer } from '../harness/developer.js';
import { builds, isFresh } from './builds.js';
import { gitServer, vendor } from './fetched.js';
import { type Files, manifest, Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const GENERATE = `
  let dir = std::env::var("OUT_DIR").unwrap();
  let text = "pub fn generated() -> u32 { 7 }";
  std::fs::write(std::path::Path::new(&dir).join("gen.rs"), text).unwrap();
`;

const REGISTRY: Readonly<Record<string, Files>> = {
  fromreg: {
    'build.rs': `fn main() {${GENERATE}}`,
    'src/lib.rs': 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));',
  },
  derives: {
    'Cargo.toml': manifest('derives', '[lib]\nproc-macro = true\n'),
    'src/lib.rs': `
      #[proc_macro]
      pub fn seven(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
        "7u32".parse().unwrap()
      }
    `,
  },
};

/** A library and a program that uses it: two units, unlike those of any other test. */
const small = (seven: string): Files => ({
  'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
  'app/src/main.rs': 'fn main() { println!("{} {}", lib::seven(), file!()); }\n',
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': `pub fn seven() -> u32 { ${seven} }\n`,
});

describe('shared across homes', () => {
  beforeAll(async () => {
    for (const developer of [pair.alice, pair.bob]) await vendor(developer, REGISTRY);
  });

  it('every kind of crate: registry, git, member, outside, macro, build script, test', async () => {
    const url = await gitServer(pair.alice, join(pair.alice.root, 'git-server'), {
      'Cargo.toml': manifest('fromgit'),
      'src/lib.rs': 'pub fn seven() -> u32 { 7 }\n',
    });
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest(
        'app',
        `[dependencies]
fromreg = "0.1"
derives = "0.1"
fromgit = { git = "${url}" }
member = { path = "member" }
outside = { path = "../outside" }
[workspace]
`,
      ),
      'app/build.rs': `fn main() {${GENERATE}}`,
      'app/src/main.rs': `
        include!(concat!(env!("OUT_DIR"), "/gen.rs"));
        fn main() {
          let all = [
            generated(), fromreg::generated(), derives::seven!(), fromgit::seven(),
            member::seven(), outside::seven(),
          ];
          println!("{all:?}");
        }
      `,
      'app/tests/whole.rs': '#[test] fn adds() { assert_eq!(member::seven(), 7); }\n',
      'app/member/Cargo.toml': manifest('member'),
      'app/member/src/lib.rs': 'pub fn seven() -> u32 { 7 }\n',
      'outside/Cargo.toml': manifest('outside'),
      'outside/src/lib.rs': 'pub fn seven() -> u32 { 7 }\n',
    });
    // Nothing is fetched but what lies on this disk.
    const env = { CARGO_NET_OFFLINE: 'false' };
    await builds(alice, ['test', '--no-run'], { compiled: 10 }, { env });
    await builds(bob, ['test', '--no-run'], { peer: 10 }, { env });
    const { stdout } = await bob.cargo(['test'], { env });
    expect(stdout).toContain('test adds ... ok');
    expect(await bob.output()).toBe('[7, 7, 7, 7, 7, 7]');
    await isFresh(bob, ['test', '--no-run'], { env });
  });

  it('with CARGO_INCREMENTAL=0 and without: whoever comes second hits, dependents too', async () => {
    const ci = { env: { CARGO_INCREMENTAL: '0' } };
    const first = await pair.both(small('7'));
    await builds(first.alice, ['build'], { compiled: 2 }, ci);
    await builds(first.bob, ['build'], { peer: 2 });
    expect(await first.bob.output()).toBe('7 src/main.rs');

    const second = await pair.both(small('8'));
    await builds(second.alice, ['build'], { compiled: 2 });
    await builds(second.bob, ['build'], { peer: 2 }, ci);
    expect(await second.bob.output()).toBe('8 src/main.rs');
  });

  it('with rust-src on one side only, and toolchains at different paths', async () => {
    // What is instantiated here holds places of the standard library's own source.
    const files = small(
      'let mut l: Vec<u32> = (0..9).collect(); l.remove(1); l.iter().map(|n| n + 1).nth(5).unwrap()',
    );
    const { alice } = await pair.both(files);
    const carol = await Developer.create('carol', { workspace: 'bound', ownToolchain: true });
    try {
      const sources = join(carol.root, 'toolchain/lib/rustlib/src/rust/library');
      for (const crate of ['core', 'alloc', 'std']) {
        await mkdir(join(sources, crate, 'src'), { recursive: true });
        await writeFile(join(sources, crate, 'src/lib.rs'), '');
      }
      await carol.start();
      await carol.join(pair.alice);
      await carol.meets(pair.alice);
      await builds(alice, ['build'], { compiled: 2 });
      const hers = new Project(carol, join(carol.root, 'far/away'));
      await hers.write(files);
      // Both compile the library, and get the same: the program is shared.
      const alone = { env: { VRIFT_RECACHE: '1' } };
      await builds(hers, ['build', '-p', 'lib'], { compiled: 1 }, alone);
      await builds(hers, ['build'], { peer: 1 });
      expect(await hers.output()).toBe('7 src/main.rs');
    } finally {
      await carol.dispose();
    }
  });

  it('where only the target directory differs, and through symlinks', async () => {
    const { alice } = await pair.both(small('3 + 4'));
    await builds(alice, ['build'], { compiled: 2 });
    const elsewhere = { env: { CARGO_TARGET_DIR: join(alice.parent, 'build/of/mine') } };
    await builds(alice, ['build'], { disk: 2 }, elsewhere);
    await isFresh(alice, ['build'], elsewhere);

    await symlink(alice.dir, join(alice.parent, 'link'));
    const linked = ['build', '--manifest-path', join(alice.parent, 'link/Cargo.toml')];
    await alice.clean();
    await builds(alice, linked, { disk: 2 });
    await isFresh(alice, linked);
    expect(await alice.output()).toBe('7 src/main.rs');

    const real = join(alice.parent, 'disk/target');
    await mkdir(dirname(real), { recursive: true });
    await rename(join(alice.dir, 'target'), real);
    await symlink(real, join(alice.dir, 'target'));
    await isFresh(alice, ['build']);
    await alice.developer.run('find', [real, '-mindepth', '1', '-delete']);
    await builds(alice, ['build'], { disk: 2 });
    await isFresh(alice, ['build']);
  });

  it('sources that are included from OUT_DIR, and file!()', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('includes', '[workspace]\n'),
      'app/build.rs': `fn main() {${GENERATE}}`,
      'app/src/main.rs': `
        mod made { include!(concat!(env!("OUT_DIR"), "/gen.rs")); }
        fn main() { println!("{} {}", made::generated(), file!()); }
      `,
    });
    await builds(alice, ['build'], { compiled: 2 });
    await builds(bob, ['build'], { peer: 2 });
    expect(await bob.output('includes')).toBe('7 src/main.rs');
    // What rustc would have written for him.
    const { stdout } = await bob.developer.run('sh', ['-c', 'cat target/debug/deps/includes-*.d'], {
      cwd: bob.dir,
    });
    expect(stdout).toContain(`# env-dep:OUT_DIR=${bob.dir}/target/debug/build/`);
    expect(stdout).not.toContain(alice.developer.root);
  });

  it('sources that are included by a variable that holds their whole path', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('app', '[workspace]\n'),
      'app/build.rs': `fn main() {${GENERATE}
        println!("cargo:rustc-env=MADE={}/gen.rs", std::env::var("OUT_DIR").unwrap()); }`,
      'app/src/main.rs': `include!(env!("MADE"));
        macro_rules! bin { ($name:literal) => { option_env!(concat!("CARGO_BIN_EXE_", $name)) } }
        fn main() { println!("{} {:?}", generated(), bin!("app")); }\n`,
    });
    await builds(alice, ['build'], { compiled: 2 });
    await builds(bob, ['build'], { peer: 2 });
    expect(await bob.output()).toBe('7 None');
  });

  it("a user's own --remap-path-prefix is honoured, and different FROM sides share", async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('app', '[dependencies]\nhere = "0.1"\n[workspace]\n'),
      'app/src/main.rs': 'fn main() { println!("{}", here::file()); }\n',
    });
    const files = { here: { 'src/lib.rs': "pub fn file() -> &'static str { file!() }\n" } };
    for (const { developer } of [alice, bob]) await vendor(developer, files);
    const remap = (from: string) => ({ env: { RUSTFLAGS: `--remap-path-prefix=${from}=/deps` } });
    await builds(alice, ['build'], { compiled: 2 }, remap(alice.developer.cargoHome));
    await builds(bob, ['build'], { peer: 2 }, remap(bob.developer.cargoHome));
    expect(await bob.output()).toBe('/deps/vendor/here-0.1.0/src/lib.rs');

    // What lies between FROM and a crate is the developer's own again.
    await builds(alice, ['build'], { compiled: 2 }, remap(alice.developer.home));
    await builds(bob, ['build'], { compiled: 2 }, remap(bob.developer.home));
    expect(await alice.output()).toBe('/deps/cargo-of-alice/vendor/here-0.1.0/src/lib.rs');
    expect(await bob.output()).toBe('/deps/cargo-of-bob/vendor/here-0.1.0/src/lib.rs');
  });

  it('where HOME is the workspace, homes end in a slash, and the target is the workspace', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('app', '[dependencies]\nslash = "0.1"\n[workspace]\n'),
      'app/src/main.rs': 'fn main() { println!("{}", slash::file()); }\n',
    });
    const files = { slash: { 'src/lib.rs': "pub fn file() -> &'static str { file!() }\n" } };
    for (const { developer } of [alice, bob]) await vendor(developer, files);
    await builds(alice, ['build'], { compiled: 2 });
    const env = { HOME: `${bob.dir}/`, CARGO_HOME: `${bob.developer.cargoHome}/` };
    await builds(bob, ['build'], { peer: 2 }, { env });
    expect(await bob.output()).toBe('/vr/cargo/vendor/slash-0.1.0/src/lib.rs');
    const here = { env: { ...env, CARGO_TARGET_DIR: '.' } };
    await builds(bob, ['build'], { disk: 2 }, here);
    await isFresh(bob, ['build'], here);
  });

  it('with CARGO_HOME inside the workspace', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('app', '[dependencies]\nkept = "0.1"\n[workspace]\n'),
      'app/src/main.rs': 'fn main() { println!("{}", kept::place()); }\n',
    });
    const crates = {
      kept: {
        'build.rs': `fn main() {${GENERATE}}`,
        'src/lib.rs': `include!(concat!(env!("OUT_DIR"), "/gen.rs"));
          pub fn place() -> String { format!("{} {}", generated(), file!()) }`,
      },
    };
    const home = join(alice.dir, '.ci/cargo');
    await vendor(pair.alice, crates, home);
    await vendor(pair.bob, crates);
    const inside = { env: { CARGO_HOME: home } };
    await builds(alice, ['build'], { compiled: 3 }, inside);
    await isFresh(alice, ['build'], inside);
    await builds(bob, ['build'], { peer: 3 });
    expect(await bob.output()).toBe('7 /vr/cargo/vendor/kept-0.1.0/src/lib.rs');
  });
});
