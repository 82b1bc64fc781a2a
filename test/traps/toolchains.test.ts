import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Developer } from '../harness/developer.js';
import { needs } from '../harness/needs.js';
import { again, builtAnew, first, withScript } from './buildScriptSupport.js';
import { COMPILED, FROM_DISK, kept, printed, rustc } from './calls.js';
import { Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** Only a nightly compiler, or one that is told to be one, takes this. */
const UNSTABLE = '#![feature(never_type)]\nfn main() { println!("unstable"); }\n';

describe('the toolchain', () => {
  it('bare rustc under two rust-toolchain.toml: two keys', async (context) => {
    const alice = await pair.one({ 'app/main.rs': UNSTABLE });
    const installed = await alice.developer.run('rustup', ['toolchain', 'list']);
    if (!installed.stdout.includes('nightly')) context.skip('no nightly toolchain');
    const choose = (channel: string) =>
      alice.write({ 'app/rust-toolchain.toml': `[toolchain]\nchannel = "${channel}"\n` });
    await choose('nightly');
    expect(await rustc(alice)).toMatchObject({ code: 0, counted: COMPILED });
    expect(await printed(alice)).toBe('unstable');
    await choose('stable');
    const stable = await rustc(alice);
    expect(stable).toMatchObject({ code: 1, counted: COMPILED });
    expect(stable.stderr).toContain('E0554');
    await choose('nightly');
    expect(await rustc(alice)).toMatchObject({ code: 0, counted: FROM_DISK });
  });

  it.each([
    ['a path', '[toolchain]\npath = "TC"\n'],
    ['a variable', ''],
  ])('is a link, named by %s, that leads elsewhere: another key', async (what, file) => {
    const alice = await pair.one({ 'app/main.rs': UNSTABLE.replace('unstable', what) });
    const sysroot = async (name: string) => {
      const env = { RUSTUP_TOOLCHAIN: name };
      return (await alice.developer.run('rustc', ['--print', 'sysroot'], { env })).stdout.trim();
    };
    const [stable, nightly] = [await sysroot('stable'), await sysroot('nightly')];
    const link = join(alice.parent, 'tc');
    const env = file === '' ? { RUSTUP_TOOLCHAIN: link } : {};
    if (file !== '') await alice.write({ 'app/rust-toolchain.toml': file.replace('TC', link) });
    const build = async (target: string) => {
      await rm(link, { force: true });
      await symlink(target, link);
      return rustc(alice, [], { env });
    };
    expect(await build(stable)).toMatchObject({ code: 1, counted: COMPILED });
    expect(await build(nightly)).toMatchObject({ code: 0, counted: COMPILED });
    const refused = await build(stable);
    expect(refused).toMatchObject({ code: 1, counted: COMPILED });
    expect(refused.stderr).toContain('E0554');
    expect(await build(nightly)).toMatchObject({ code: 0, counted: FROM_DISK });
  });

  it('RUSTC_BOOTSTRAP is in the key', async () => {
    const alice = await pair.one({ 'app/main.rs': UNSTABLE });
    const env = { RUSTC_BOOTSTRAP: '1' };
    expect(await rustc(alice, [], { env })).toMatchObject({ code: 0, counted: COMPILED });
    const without = await rustc(alice);
    expect(without).toMatchObject({ code: 1, counted: COMPILED });
    expect(without.stderr).toContain('E0554');
    expect(await rustc(alice, [], { env })).toMatchObject({ code: 0, counted: FROM_DISK });
  });

  it('-Z flags beyond the table, --sysroot and custom targets are not cached, and mean what they mean', async () => {
    const alice = await pair.one({ 'app/main.rs': 'fn main() { println!("same"); }\n' });
    const sysroot = (await alice.developer.run('rustc', ['--print', 'sysroot'])).stdout.trim();
    const nightly = { env: { RUSTC_BOOTSTRAP: '1' } };
    for (const _ of ['once', 'again']) {
      expect(await rustc(alice, ['-Z', 'validate-mir'], nightly)).toMatchObject({
        code: 0,
        counted: { ...COMPILED, bypassed: { 'unstable flag': 1 } },
      });
      expect(await rustc(alice, [`--sysroot=${sysroot}`])).toMatchObject({
        code: 0,
        counted: { ...COMPILED, bypassed: { 'unknown flag': 1 } },
      });
      expect(await printed(alice)).toBe('same');
      const custom = await rustc(alice, ['--target', 'custom.json'], nightly);
      expect(custom).toMatchObject({
        code: 1,
        counted: { ...COMPILED, bypassed: { 'target specification file': 1 } },
      });
      expect(custom.stderr).toContain('custom.json');
    }
  });

  it('a target that RUST_TARGET_PATH may name is not cached', async () => {
    const alice = await pair.one({ 'app/main.rs': 'fn main() { println!("named"); }\n' });
    const { stdout } = await alice.developer.run('rustc', ['-vV']);
    const host = /^host: (.+)$/m.exec(stdout)![1]!;
    const before = await kept(alice);
    for (const _ of ['once', 'again']) {
      const env = { RUST_TARGET_PATH: alice.dir };
      const called = await rustc(alice, ['--target', host], { env });
      const bypassed = { 'target specification file': 1 };
      expect(called).toMatchObject({ code: 0, counted: { ...COMPILED, bypassed } });
      expect(await printed(alice)).toBe('named');
    }
    expect(await kept(alice)).toBe(before);
  });

  it('a program called rustc that adds a flag is not cached, and means what it says', async () => {
    const alice = await pair.one({
      'app/main.rs': 'fn main() { println!("{} {}", cfg!(one), cfg!(two)); }\n',
    });
    const check = ['--check-cfg=cfg(one,two)'];
    const adding = async (flag: string) => {
      await alice.write({ 'app/bin/rustc': `#!/bin/sh\nexec rustc ${flag} "$@"\n` });
      await chmod(join(alice.dir, 'bin/rustc'), 0o755);
      return rustc(alice, check, { compiler: ['bin/rustc'] });
    };
    await rustc(alice, check);
    expect(await printed(alice)).toBe('false false');
    for (const [flag, expected] of [
      ['--cfg=one', 'true false'],
      ['--cfg=two', 'false true'],
    ] as const) {
      expect(await adding(flag)).toMatchObject({
        code: 0,
        counted: { ...COMPILED, bypassed: { toolchain: 1 } },
      });
      expect(await printed(alice)).toBe(expected);
    }
  });
});

describe('a toolchain of her own', () => {
  let carol: Developer;
  beforeAll(async () => {
    carol = await Developer.create('carol', { workspace: 'bound', ownToolchain: true });
    await carol.start();
  });
  afterAll(() => carol?.dispose());

  it('is updated in place: a miss', async () => {
    const project = new Project(carol, join(carol.root, 'p'));
    await project.write({ 'app/main.rs': 'fn main() { println!("same"); }\n' });
    const { stdout } = await carol.run('rustc', ['--print', 'target-libdir']);
    const { stdout: listed } = await carol.run('ls', [stdout.trim()]);
    const library = join(stdout.trim(), /^libstd-.*\.so$/m.exec(listed)![0]);
    const content = await readFile(library);
    expect((await rustc(project)).counted).toMatchObject(COMPILED);
    expect((await rustc(project)).counted).toMatchObject(FROM_DISK);
    // At once: within a burst of calls only the toolchain's directories are looked at.
    await rm(library);
    await writeFile(library, Buffer.concat([content, Buffer.from('\n')]));
    expect(await rustc(project)).toMatchObject({ code: 0, counted: COMPILED });
    expect(await printed(project)).toBe('same');
    expect((await rustc(project)).counted).toMatchObject(FROM_DISK);
  });

  it.each(['lib64', 'lib/x86_64-linux-gnu'])(
    'has libraries in %s, as distributions do',
    async (dir) => {
      const project = new Project(carol, join(carol.root, dir));
      await project.write({ 'app/main.rs': `fn main() { println!("${dir}"); }\n` });
      const { stdout } = await carol.run('rustc', ['--print', 'sysroot']);
      const library = join(stdout.trim(), dir, 'librustc_driver-1.so');
      await mkdir(dirname(library), { recursive: true });
      for (const text of ['one', 'two']) {
        await rm(library, { force: true });
        await writeFile(library, text);
        expect((await rustc(project)).counted).toMatchObject(COMPILED);
        expect((await rustc(project)).counted).toMatchObject(FROM_DISK);
      }
    },
  );
});

describe('target-cpu=native', () => {
  it('on machines with different processors: a miss', async (context) => {
    needs(context, 'mounts');
    const { alice, bob } = await pair.both({
      'app/main.rs': 'fn main() { println!("ran"); }\n',
    });
    const native = ['-C', 'target-cpu=native'];
    expect((await rustc(alice, native)).counted).toMatchObject(COMPILED);
    expect((await rustc(bob, native)).counted).toMatchObject({ hits: { peer: 1 } });

    const cpu = await readFile('/proc/cpuinfo', 'utf8');
    const other = join(bob.parent, 'cpuinfo');
    await writeFile(other, cpu.replaceAll(/^((?:flags|Features)\s*:.*)$/gm, '$1 another'));
    await bob.developer.stop();
    const start = `mount --bind "$1" /proc/cpuinfo && exec "$2" start`;
    const vrift = join(bob.developer.bin, 'vrift');
    await bob.developer.run('unshare', ['--mount', 'sh', '-c', start, 'sh', other, vrift]);
    await bob.developer.meets(pair.alice);
    expect((await rustc(bob, native)).counted).toMatchObject(COMPILED);
    expect(await printed(bob)).toBe('ran');
    expect((await rustc(bob, native)).counted).toMatchObject(FROM_DISK);

    // The same of scripts that look at it, or start compilers that do.
    const looks = 'fs::read_to_string("/proc/cpuinfo").unwrap(); "read".to_string()';
    const compiles = `fs::write(format!("{out}/a.c"), "int a;").unwrap();
      let mut cc = std::process::Command::new("cc");
      cc.args(["-march=native", "-c", "a.c"]).current_dir(&out);
      assert!(cc.status().unwrap().success());
      "made".to_string()`;
    for (const [body, told] of [
      [looks, 'read'],
      [compiles, 'made'],
      ['"neither".to_string()', 'neither'],
    ] as const) {
      const script = await pair.both(withScript(body));
      expect(await builtAnew(script.alice)).toEqual(first(told));
      expect(await builtAnew(script.alice)).toEqual(again(told));
      const expected = told === 'neither' ? again : first;
      expect(await builtAnew(script.bob)).toEqual(expected(told));
      expect(await builtAnew(script.bob)).toEqual(again(told));
    }
  });
});
