import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { areShared, builds, isFresh } from './builds.js';
import { gitServer, vendor } from './fetched.js';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const says = (word: string) => `pub fn word() -> &'static str { "${word}" }\n`;

const app = (dependencies: string, more = ''): Files => ({
  'app/Cargo.toml': manifest('app', `[dependencies]\n${dependencies}\n${more}[workspace]\n`),
  'app/src/main.rs': 'fn main() { println!("{}", lib::word()); }\n',
});

describe('where sources come from', () => {
  it('[patch] takes the place of a registry crate, and gives it back', async () => {
    for (const developer of [pair.alice, pair.bob]) {
      await vendor(developer, { lib: { 'src/lib.rs': says('from the registry') } });
    }
    const patch = '[patch.crates-io]\nlib = { path = "../mended" }\n';
    const both = await pair.both({
      ...app('lib = "0.1"'),
      'mended/Cargo.toml': manifest('lib'),
      'mended/src/lib.rs': says('from the patch'),
    });
    await areShared(both, ['build'], 2);
    expect(await both.bob.output()).toBe('from the registry');
    for (const project of [both.alice, both.bob]) await project.write(app('lib = "0.1"', patch));
    await areShared(both, ['build'], 2);
    expect(await both.bob.output()).toBe('from the patch');
    await both.bob.write(app('lib = "0.1"'));
    await both.bob.clean();
    await builds(both.bob, ['build'], { disk: 2 });
    expect(await both.bob.output()).toBe('from the registry');
  });

  it('a git dependency that moves on: a new program, and the old one when it goes back', async () => {
    const server = join(pair.alice.root, 'moving');
    const url = await gitServer(pair.alice, server, {
      'Cargo.toml': manifest('lib'),
      'src/lib.rs': says('first'),
    });
    const git = (...args: string[]) => {
      const who = ['-c', 'user.name=T', '-c', 'user.email=t@example.com'];
      return pair.alice.run('git', [...who, ...args], { cwd: server });
    };
    await git('tag', 'first');
    const both = await pair.both(app(`lib = { git = "${url}" }`));
    // Nothing is fetched but what lies on this disk.
    const options = { env: { CARGO_NET_OFFLINE: 'false' } };
    await areShared(both, ['build'], 2, options);
    expect(await both.bob.output()).toBe('first');
    await pair.alice.run('sh', ['-c', 'cat > src/lib.rs'], { cwd: server, input: says('second') });
    await git('commit', '-qam', 'Second');
    for (const project of [both.alice, both.bob]) await project.cargo(['update'], options);
    await areShared(both, ['build'], 2, options);
    expect(await both.bob.output()).toBe('second');
    await both.bob.write(app(`lib = { git = "${url}", tag = "first" }`));
    await builds(both.bob, ['build'], { disk: 2 }, options);
    expect(await both.bob.output()).toBe('first');
  });

  it('sources vendored into the repository, a macro and the tools of a build script too', async () => {
    const vendored = (name: string, files: Files): Files => ({
      [`app/vendor/${name}/Cargo.toml`]: manifest(name),
      [`app/vendor/${name}/.cargo-checksum.json`]: '{"files":{},"package":null}',
      ...Object.fromEntries(
        Object.entries(files).map(([path, text]) => [`app/vendor/${name}/${path}`, text]),
      ),
    });
    const both = await pair.both({
      ...app('lib = "0.1"\nderives = "0.1"', '[build-dependencies]\ntools = "0.1"\n'),
      'app/.cargo/config.toml':
        '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n',
      'app/build.rs': 'fn main() { println!("cargo::rustc-env=MADE={}", tools::word()); }\n',
      'app/src/main.rs':
        'fn main() { println!("{} {} {}", lib::word(), derives::seven!(), env!("MADE")); }\n',
      ...vendored('lib', { 'src/lib.rs': says('vendored') }),
      ...vendored('tools', { 'src/lib.rs': says('tools') }),
      ...vendored('derives', {
        'Cargo.toml': manifest('derives', '[lib]\nproc-macro = true\n'),
        'src/lib.rs': `#[proc_macro]
          pub fn seven(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
            "7".parse().unwrap()
          }\n`,
      }),
    });
    await areShared(both, ['build'], 5);
    expect(await both.bob.output()).toBe('vendored 7 tools');
    // The vendored tool of the build script is edited: what it makes is another program.
    await both.bob.write({ 'app/vendor/tools/src/lib.rs': says('other tools') });
    await both.bob.clean();
    await builds(both.bob, ['build'], { compiled: 3, disk: 2 });
    expect(await both.bob.output()).toBe('vendored 7 other tools');
  });
});

describe('features', () => {
  const choosy = (word: string): Files => ({
    'app/Cargo.toml': '[workspace]\nmembers = ["*"]\nexclude = ["target"]\nresolver = "2"\n',
    'app/lib/Cargo.toml': manifest('lib', '[features]\none = []\ntwo = []\n'),
    'app/lib/src/lib.rs': `pub fn word() -> String {
      format!("{} {}", cfg!(feature = "one"), cfg!(feature = "two")) // ${word}
    }\n`,
  });
  const member = (name: string, more = ''): Files => ({
    [`app/${name}/Cargo.toml`]: manifest(
      name,
      `[dependencies]\nlib = { path = "../lib", features = ["${name}"] }\n${more}`,
    ),
    [`app/${name}/src/main.rs`]: 'fn main() { println!("{}", lib::word()); }\n',
  });

  it('are those of the packages that are built, alone or together', async () => {
    const both = await pair.both({ ...choosy('alone'), ...member('one'), ...member('two') });
    await areShared(both, ['build', '-p', 'one'], 2);
    expect(await both.bob.output('one')).toBe('true false');
    await areShared(both, ['build'], 3);
    for (const name of ['one', 'two']) expect(await both.bob.output(name)).toBe('true true');
    await isFresh(both.bob, ['build', '-p', 'one']);
    expect(await both.bob.output('one')).toBe('true false');
  });

  it('of a build script are not those of the program', async () => {
    const tools = '[build-dependencies]\nlib = { path = "../lib", features = ["two"] }\n';
    const both = await pair.both({
      ...choosy('in scripts'),
      ...member('one', tools),
      'app/one/build.rs': 'fn main() { println!("cargo::rustc-env=SCRIPT={}", lib::word()); }\n',
      'app/one/src/main.rs': 'fn main() { println!("{} {}", lib::word(), env!("SCRIPT")); }\n',
    });
    await areShared(both, ['build'], 4);
    expect(await both.bob.output('one')).toBe('true false false true');
  });
});
