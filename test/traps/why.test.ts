import { describe, expect, it } from 'vitest';
import type { WhyInfo } from '../../src/wire/control.js';
import type { RunOptions } from '../harness/programs.js';
import { COMPILED, rustc, script } from './calls.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** A program, a library with a build script and a macro, and a file that it includes. */
const FILES = {
  'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
  'app/src/main.rs': 'fn main() { println!("{}", lib::word()); }\n',
  'app/lib/Cargo.toml': manifest(
    'lib',
    '[features]\nfancy = []\n[dependencies]\nmac = { path = "../mac" }\n',
  ),
  'app/lib/build.rs':
    'fn main() { let to = std::env::var("OUT_DIR").unwrap() + "/made.rs"; std::fs::write(to, "1").unwrap(); }\n',
  'app/lib/src/word.txt': 'word',
  'app/lib/src/lib.rs': `
    mac::nothing!();
    pub const MADE: u8 = include!(concat!(env!("OUT_DIR"), "/made.rs"));
    pub fn word() -> String {
      format!("{} {} {:?}", include_str!("word.txt"), MADE, option_env!("GREETING"))
    }
  `,
  'app/mac/Cargo.toml': manifest('mac', '[lib]\nproc-macro = true\n'),
  'app/mac/src/lib.rs':
    'use proc_macro::TokenStream;\n#[proc_macro] pub fn nothing(_: TokenStream) -> TokenStream { TokenStream::new() }\n',
};

const PLAIN = { CARGO_INCREMENTAL: '0' };

const build = (project: Project, options: RunOptions = {}, args: readonly string[] = ['build']) =>
  project.cargo(args, { ...options, env: { ...PLAIN, ...options.env } });

const why = (project: Project, ...args: string[]) =>
  project.developer.vriftJson<WhyInfo[]>(['why', ...args]);

/** The last outcome of one unit. */
async function last(project: Project, unit: string, ...args: string[]): Promise<WhyInfo> {
  const [entry] = await why(project, unit, ...args);
  if (entry === undefined) throw new Error(`no unit ${unit}`);
  return entry;
}

const text = async (project: Project, ...args: string[]) =>
  (await project.developer.vrift(['why', ...args])).stdout;

interface Kind {
  what: string;
  /** What the user does; returns how the next build is called. */
  change(project: Project): Promise<{ env?: NodeJS.ProcessEnv; args?: string[] }>;
  unit?: string;
  input: string;
  /** What a person reads. */
  says: RegExp;
}

const edit = (path: string, from: string, to: string) => async (project: Project) => {
  const before = await project.read(path);
  expect(before).toContain(from);
  await project.write({ [path]: before.replace(from, to) });
  return {};
};

const KINDS: Kind[] = [
  {
    what: 'an edited source file',
    change: edit('app/lib/src/lib.rs', '{:?}"', '{:?}!"'),
    input: 'file /vr/ws/lib/src/lib.rs',
    says: /lib\/src\/lib\.rs changed$/m,
  },
  {
    what: 'an edited file that it includes',
    change: edit('app/lib/src/word.txt', 'word', 'other'),
    input: 'file /vr/ws/lib/src/word.txt',
    says: /lib\/src\/word\.txt changed$/m,
  },
  {
    what: 'a variable that it reads',
    change: async () => ({ env: { GREETING: 'hello' } }),
    input: 'variable GREETING',
    says: /the variable GREETING: unset → set: now "hello"/,
  },
  {
    what: 'RUSTFLAGS',
    change: async () => ({ env: { RUSTFLAGS: '-C overflow-checks=off' } }),
    input: 'flag -C overflow-checks',
    says: /flag -C overflow-checks: none → off/,
  },
  {
    what: 'a feature',
    change: async () => ({ args: ['build', '--features', 'lib/fancy'] }),
    input: 'flag --cfg',
    says: /flag --cfg: none → feature="fancy"/,
  },
  {
    what: "a variable of cargo's that its macros may read",
    change: edit('app/lib/Cargo.toml', 'edition', 'description = "new"\nedition'),
    input: 'variable CARGO_PKG_DESCRIPTION',
    says: /the variable CARGO_PKG_DESCRIPTION changed/,
  },
  {
    what: 'its Cargo.toml, which its macros may read',
    change: edit('app/lib/Cargo.toml', '[features]', '# more\n[features]'),
    input: 'file Cargo.toml',
    says: /Cargo\.toml changed/,
  },
  {
    what: 'its version',
    change: edit('app/lib/Cargo.toml', '0.1.0', '0.1.1'),
    input: 'package',
    says: /package: lib 0\.1\.0 → lib 0\.1\.1/,
  },
  {
    what: 'its profile',
    change: edit('app/Cargo.toml', '[workspace]', '[profile.dev]\ndebug = 1\n[workspace]'),
    input: 'flag -C debuginfo',
    says: /flag -C debuginfo: 2 → 1/,
  },
  {
    // A script that names nothing stands for every file of its package, itself among them.
    what: 'a build script that its macros may depend on',
    change: edit('app/lib/build.rs', '"1"', '"2"'),
    input: 'file /vr/ws/lib/build.rs',
    says: /build\.rs changed/,
  },
  {
    what: 'a macro that it uses',
    change: edit('app/mac/src/lib.rs', 'TokenStream::new()', '"".parse().unwrap()'),
    input: 'dependency mac',
    says: /mac changed, since in mac \(proc-macro\) .*mac\/src\/lib\.rs changed/,
  },
  {
    what: 'the interface of a dependency',
    change: edit('app/lib/src/lib.rs', 'pub fn word', 'pub fn more() {}\n pub fn word'),
    unit: 'app',
    input: 'dependency lib',
    says: /lib changed, since in lib \(rlib\) .*lib\/src\/lib\.rs changed/,
  },
];

describe('vrift why', () => {
  for (const { what, change, unit = 'lib', input, says } of KINDS) {
    it(`names ${what}`, async () => {
      const project = await pair.one(FILES);
      await build(project);
      const { env = {}, args } = await change(project);
      await build(project, { env }, args);
      const entry = await last(project, unit);
      expect(entry).toMatchObject({ outcome: 'miss', from: 'stored' });
      expect(entry.diff[0]?.input).toBe(input);
      expect(await text(project, unit)).toMatch(says);
    });
  }
});

describe('vrift why, for one call of the compiler', () => {
  const HELLO = 'fn main() { println!("hello"); }\n';

  it('names another linker', async () => {
    const project = await pair.one({ 'app/main.rs': HELLO, 'app/tools/README': '' });
    const env = { PATH: `${project.dir}/tools:${process.env.PATH}` };
    const flags = ['-C', 'link-arg=-fuse-ld=bfd'];
    await rustc(project, flags, { env });
    await script(project, 'app/tools/ld.bfd', 'exec /usr/bin/ld.bfd "$@" -rpath /opt/one');
    expect((await rustc(project, flags, { env })).counted).toMatchObject(COMPILED);
    expect((await last(project, 'app')).diff.map(({ input }) => input)).toEqual(['linker']);
    expect(await text(project, 'app')).toMatch(/linker changed/);
  });

  it('names the compiler by its version', async (context) => {
    const project = await pair.one({ 'app/main.rs': HELLO });
    const installed = await project.developer.run('rustup', ['toolchain', 'list']);
    if (!installed.stdout.includes('nightly')) context.skip('no nightly toolchain');
    await rustc(project);
    await rustc(project, [], { env: { RUSTUP_TOOLCHAIN: 'nightly' } });
    expect((await last(project, 'app')).diff[0]?.input).toBe('compiler');
    expect(await text(project, 'app')).toMatch(/compiler: rustc 1\.\S+ .* → rustc 1\.\S+-nightly/);
  });

  it('names the reason of a bypass, and what it is about', async () => {
    const project = await pair.one({ 'app/main.rs': HELLO });
    await rustc(project, ['-C', 'save-temps']);
    expect(await last(project, 'app')).toMatchObject({
      outcome: 'bypass',
      from: 'save temps',
      detail: '-C save-temps',
      diff: [],
    });
    expect(await text(project, 'app')).toMatch(/app +bin +bypass .*save temps: -C save-temps/);
  });

  it('says that a result was there and has gone', async () => {
    const project = await pair.one({ 'app/main.rs': HELLO.replace('hello', 'evicted') });
    await rustc(project);
    await project.developer.vrift(['gc', '--all']);
    await rustc(project);
    expect(await text(project, 'app')).toMatch(/stored result: on this disk → gone/);
  });

  it('says again what changed when the compile failed the first time, then that it failed', async () => {
    const project = await pair.one({ 'app/main.rs': HELLO.replace('hello', 'failed') });
    await rustc(project);
    const flags = ['-D', 'warnings'];
    await project.write({ 'app/main.rs': 'fn unused() {}\nfn main() {}\n' });
    for (const _ of ['once', 'again']) {
      expect((await rustc(project, flags)).code).toBe(1);
      const entry = await last(project, 'app');
      expect(entry).toMatchObject({ outcome: 'miss', from: 'compile failed' });
      expect(entry.diff[0]?.input).toBe('flag -D');
    }
  });

  it('says that messages were made for another terminal', async () => {
    const project = await pair.one({ 'app/main.rs': `fn unused() {}\n${HELLO}` });
    await rustc(project, ['--diagnostic-width=80']);
    await rustc(project, ['--diagnostic-width=200']);
    expect(await text(project, 'app')).toMatch(/messages: for another terminal or format →/);
  });

  it('says why a result stays on this machine', async () => {
    const project = await pair.one({
      'app/main.rs': 'fn main() { println!("{}", env!("API_TOKEN").len()); }\n',
    });
    await rustc(project, [], { env: { API_TOKEN: 'hidden-one' } });
    expect((await last(project, 'app')).local).toEqual(['reads a secret variable: API_TOKEN']);
    expect(await text(project, 'app')).toMatch(/stays on this machine: reads a secret variable/);
    await rustc(project, [], { env: { API_TOKEN: 'hidden-two' } });
    const said = JSON.stringify(await last(project, 'app')) + (await text(project, 'app'));
    expect(said).toContain('variable API_TOKEN');
    expect(said).not.toContain('hidden');
  });

  it('says why of a hit as well, once it was compiled', async () => {
    const project = await pair.one({
      'app/main.rs': 'fn main() { println!(env!("API_TOKEN")); }\n',
    });
    const env = { API_TOKEN: 'word' };
    await rustc(project, [], { env });
    await rustc(project, [], { env });
    expect(await last(project, 'app')).toMatchObject({
      outcome: 'hit',
      from: 'disk',
      diff: [],
      local: ['reads a secret variable: API_TOKEN'],
    });
  });

  it('names the dependency that no node made', async () => {
    const project = await pair.one({
      'app/main.rs': 'fn main() { println!("{}", lib::ONE); }\n',
      'app/lib.rs': 'pub const ONE: u8 = 1;\n',
    });
    const flags = ['--crate-name=lib', '--crate-type=lib', '--edition=2021', 'lib.rs'];
    await project.developer.run('rustc', [...flags, '--out-dir', '.'], { cwd: project.dir });
    await rustc(project, ['--extern', 'lib=liblib.rlib']);
    expect((await last(project, 'app')).local).toEqual(['foreign dependency: liblib.rlib']);
  });
});

describe('vrift why, for a path that is baked in', () => {
  const bound = (here: string) => ({
    'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
    'app/src/main.rs': 'fn main() { println!("{}", lib::here()); }\n',
    'app/lib/Cargo.toml': manifest('lib'),
    'app/lib/src/lib.rs': `pub fn here() -> &'static str { ${here} }\n`,
  });

  it('says at the other checkout that it is bound to its path, and what binds it', async () => {
    const { alice, bob } = await pair.both(bound('env!("CARGO_MANIFEST_DIR")'));
    await build(alice);
    await build(bob);
    const lib = await last(bob, 'lib');
    expect(lib).toMatchObject({
      outcome: 'miss',
      against: (await alice.developer.status()).node,
      diff: [{ input: 'path of /vr/ws', here: bob.dir }],
      bound: [{ root: '/vr/ws', path: bob.dir, because: 'reads the variable CARGO_MANIFEST_DIR' }],
    });
    const said = await text(bob, 'lib');
    expect(said).toContain("bound to the workspace's path");
    expect(said).toContain(`whose workspace's path is ${bob.dir}: reads the variable CARGO_MAN`);
    const app = await last(bob, 'app');
    expect(app).toMatchObject({ diff: [], root: { unit: 'lib', input: 'path of /vr/ws' } });
    expect(await text(bob, 'app')).toMatch(/nobody had it, since in lib \(rlib\) it is bound to/);
  });
});
