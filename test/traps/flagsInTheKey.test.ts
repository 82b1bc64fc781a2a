import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK, kept, printed, rustc, tool } from './calls.js';
import { manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

describe('a flag', () => {
  it('-O before or after -C opt-level=0: order decides, two keys', async () => {
    const alice = await pair.one({
      'app/main.rs': 'fn main() { println!("{}", cfg!(debug_assertions)); }\n',
    });
    const level = ['-C', 'opt-level=0'];
    expect((await rustc(alice, ['-O', ...level])).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('true');
    expect((await rustc(alice, [...level, '-O'])).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('false');
    expect((await rustc(alice, ['-O', ...level])).counted).toMatchObject(FROM_DISK);
    expect(await printed(alice)).toBe('true');
  });

  it('--check-cfg tightened under -D unexpected_cfgs fails as it should', async () => {
    const alice = await pair.one({ 'app/main.rs': '#[cfg(seldom)] fn f() {} fn main() {}\n' });
    const flags = (known: string) => ['-D', 'unexpected_cfgs', '--check-cfg', `cfg(${known})`];
    expect(await rustc(alice, flags('seldom'))).toMatchObject({ code: 0, stderr: '' });
    const tightened = await rustc(alice, flags('other'));
    expect(tightened.code).toBe(1);
    expect(tightened.stderr).toContain('unexpected `cfg` condition name: `seldom`');
    expect(await rustc(alice, flags('seldom'))).toMatchObject({ code: 0, counted: FROM_DISK });
  });

  it('-D warnings after a cached success: the build fails as it should', async () => {
    const alice = await pair.one({
      'app/Cargo.toml': `${manifest('app')}[workspace]\n`,
      'app/src/main.rs': 'fn main() { let unused = 1; }\n',
    });
    const env = { RUSTFLAGS: '-D warnings' };
    const lax = await alice.cargo(['build']);
    expect(lax.stderr).toContain('warning: unused variable: `unused`');
    for (const _ of ['first', 'again']) {
      const strict = await alice.cargo(['build'], { env, allowFailure: true });
      expect(strict.code).toBe(101);
      expect(strict.stderr).toContain('error: unused variable: `unused`');
    }
    await alice.clean();
    expect(await alice.count(['build'])).toMatchObject(FROM_DISK);
  });

  it('lints and --cap-lints are in the key', async () => {
    const alice = await pair.one({ 'app/main.rs': 'fn main() { let unused = 1; }\n' });
    const said = async (...flags: string[]) => (await rustc(alice, flags)).stderr;
    expect(await said('--cap-lints', 'allow')).toBe('');
    expect(await said('--cap-lints', 'warn')).toContain('warning: unused variable');
    expect(await said('-A', 'unused')).toBe('');
    expect(await said('-W', 'unused')).toContain('warning: unused variable');
    expect(await said('-D', 'unused', '--cap-lints', 'warn')).toContain('warning: unused variable');
    expect(await said('-D', 'unused')).toContain('error: unused variable');
  });

  it('the same @args path with other content', async () => {
    const alice = await pair.one({
      'app/main.rs': 'fn main() { println!("{}", cfg!(loud)); }\n',
    });
    const check = '--check-cfg=cfg(loud)\n';
    for (const [words, expected] of [
      ['', 'false'],
      ['--cfg=loud\n', 'true'],
      ['', 'false'],
    ]) {
      await alice.write({ 'app/more.args': check + words });
      const { counted } = await rustc(alice, ['@more.args']);
      expect(counted).toMatchObject({ compiled: 1, bypassed: { 'response file': 1 } });
      expect(await printed(alice)).toBe(expected);
    }
  });

  it('-C profile-use data overwritten in place', async () => {
    const alice = await pair.one({ 'app/main.rs': 'fn main() { println!("ran"); }\n' });
    const profile = `${alice.dir}/app.profdata`;
    const use = () => rustc(alice, ['-C', `profile-use=${profile}`]);
    const before = await kept(alice);
    await rustc(alice, ['-C', `profile-generate=${alice.dir}/raw`]);
    expect(await printed(alice)).toBe('ran');
    await alice.write({ 'app/app.profdata': 'no profile' });
    const broken = await use();
    expect(broken).toMatchObject({ counted: { compiled: 1, bypassed: { 'profiling data': 1 } } });
    expect(broken.stderr).toMatch(/profile|app\.profdata/);
    await alice.write({ 'app/app.profdata': '' });
    expect((await use()).counted).toMatchObject({ hits: { disk: 0 }, compiled: 1 });
    expect(await kept(alice)).toBe(before);
  });

  it('-C save-temps leaves its files every time', async () => {
    const alice = await pair.one({ 'app/main.rs': 'fn main() { println!("kept"); }\n' });
    for (const _ of ['once', 'again']) {
      await alice.remove('app/out');
      const { counted } = await rustc(alice, ['-C', 'save-temps']);
      expect(counted).toMatchObject({ ...COMPILED, bypassed: { 'save temps': 1 } });
      expect(await tool(alice, 'ls', 'out')).toMatch(/\.bc$/m);
      expect(await printed(alice)).toBe('kept');
    }
  });

  it('--cfg with a path: sources can be compared with it', async () => {
    const { alice, bob } = await pair.both({});
    const main = `fn main() { println!("{}", cfg!(dir = "${alice.dir}")); }\n`;
    for (const project of [alice, bob]) {
      await project.write({ 'app/main.rs': main });
      await rustc(project, ['--cfg', `dir="${project.dir}"`]);
      expect(await printed(project)).toBe(String(project === alice));
    }
  });

  it('-C remark is heard every time, and only by whoever asked', async () => {
    const alice = await pair.one({
      'app/main.rs': `#[inline(never)] fn f(x: &mut [u32]) { for i in x { *i += 1; } }
        fn main() { f(&mut [1; 99]); }\n`,
    });
    const optimised = ['-O', '-g'];
    const remarks = [...optimised, '-C', 'remark=all'];
    for (const flags of [optimised, remarks, optimised, remarks]) {
      const { stderr } = await rustc(alice, flags);
      expect(/^note: .*loop/m.test(stderr)).toBe(flags === remarks);
    }
  });

  it("two units of one crate that differ only in a dependency's features are never merged", async () => {
    const files = {
      'app/Cargo.toml': `${manifest('app', 'resolver = "2"\n')}
        [dependencies]
        mid = { path = "mid" }
        dep = { path = "dep", features = ["loud"] }
        [build-dependencies]
        mid = { path = "mid" }
        [profile.dev]
        debug = false
        [workspace]\n`,
      'app/build.rs': 'fn main() { println!("cargo:rustc-env=BUILT_BY={}", mid::say()); }\n',
      'app/src/main.rs': 'fn main() { println!("{} {}", mid::say(), env!("BUILT_BY")); }\n',
      'app/mid/Cargo.toml': manifest('mid', '[dependencies]\ndep = { path = "../dep" }\n'),
      'app/mid/src/lib.rs': "pub fn say() -> &'static str { dep::SAY }\n",
      'app/dep/Cargo.toml': manifest('dep', '[features]\nloud = []\n'),
      'app/dep/src/lib.rs':
        'pub const SAY: &str = if cfg!(feature = "loud") { "loud" } else { "quiet" };\n',
    };
    const { alice, bob } = await pair.both(files);
    expect((await alice.count(['build'])).compiled).toBe(6);
    expect(await alice.output()).toBe('loud quiet');
    expect(await bob.count(['build'])).toMatchObject({ compiled: 0, hits: { peer: 6 } });
    expect(await bob.output()).toBe('loud quiet');
  });
});

describe('a variable', () => {
  it('RUSTC_OVERRIDE_VERSION_STRING decides what cfg(version) sees', async () => {
    const alice = await pair.one({
      'app/main.rs': `#![feature(cfg_version)]
        fn main() { println!("{}", cfg!(version("1.50"))); }\n`,
    });
    for (const version of ['1.60.0', '1.40.0']) {
      const env = { RUSTC_BOOTSTRAP: '1', RUSTC_OVERRIDE_VERSION_STRING: version };
      await rustc(alice, [], { env });
      expect(await printed(alice)).toBe(String(version === '1.60.0'));
    }
  });

  it('RUSTC_LOG is obeyed every time, and only for whoever set it', async () => {
    const alice = await pair.one({ 'app/main.rs': 'fn main() { println!("logged"); }\n' });
    const said = async (env: NodeJS.ProcessEnv) => (await rustc(alice, [], { env })).stderr;
    const log = { RUSTC_LOG: 'info', RUSTC_LOG_COLOR: 'never' };
    const before = await kept(alice);
    for (const _ of ['once', 'again']) expect(await said(log)).toContain('resolving crate');
    expect(await kept(alice)).toBe(before);
    expect(await said({})).toBe('');
    expect((await rustc(alice)).counted).toMatchObject(FROM_DISK);
    expect(await said(log)).toContain('resolving crate');
    expect(await printed(alice)).toBe('logged');
  });

  it('that is set twice is two things to two readers: not cached', async () => {
    const alice = await pair.one({
      'app/main.rs': 'fn main() { println!("{:?}", option_env!("TWICE")); }\n',
      'app/twice.c': `#include <unistd.h>
        int main(int count, char **argv) {
          (void)count;
          char *env[] = {argv[1], argv[2], argv[3], argv[4], argv[5], argv[6], 0};
          return execve(argv[7], argv + 7, env);
        }\n`,
    });
    await tool(alice, 'cc', 'twice.c', '-o', 'twice');
    const { bin, env } = alice.developer;
    const few = ['PATH', 'HOME', 'VRIFT_HOME', 'RUSTUP_HOME'].map((name) => `${name}=${env[name]}`);
    for (const value of ['one', 'two']) {
      const compiler = ['./twice', `TWICE=${value}`, 'TWICE=last', ...few, `${bin}/vrift-rustc`];
      const { counted } = await rustc(alice, [], { launcher: compiler });
      expect(counted.bypassed).toEqual({ 'variable set twice': 1 });
    }
  });
});
