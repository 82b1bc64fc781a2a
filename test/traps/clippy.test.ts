import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunOptions } from '../harness/programs.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** Clippy's words about a build from nothing, and whether each unit came from the store. */
async function clippy(project: Project, args: readonly string[] = [], options: RunOptions = {}) {
  await project.clean();
  await project.developer.resetStats();
  const done = await project.cargo(['clippy', '-q', ...args], options);
  const { compiled, bypassed } = await project.developer.stats();
  return { said: done.stderr, compiled, bypassed };
}

const app = (name: string, main: string, more = ''): Files => ({
  'app/Cargo.toml': `${manifest(name, more)}[workspace]\n`,
  'app/src/main.rs': main,
});

const MANY_ARGUMENTS = 'fn f(_: u8, _: u8, _: u8, _: u8) {}\nfn main() { f(1, 2, 3, 4) }\n';
const TOO_MANY = 'this function has too many arguments (4/3)';
const CONFIG = 'too-many-arguments-threshold = 3\n';

describe('clippy', () => {
  it('is served again with its warnings, and a new clippy.toml is a miss', async () => {
    const alice = await pair.one(app('one', MANY_ARGUMENTS));
    expect(await clippy(alice)).toMatchObject({ said: '', compiled: 1, bypassed: {} });
    expect(await clippy(alice)).toMatchObject({ said: '', compiled: 0 });
    await alice.write({ 'app/clippy.toml': CONFIG });
    for (const compiled of [1, 0]) {
      const warned = await clippy(alice);
      expect(warned.compiled).toBe(compiled);
      expect(warned.said).toContain(TOO_MANY);
    }
    await alice.remove('app/clippy.toml');
    expect(await clippy(alice)).toMatchObject({ said: '', compiled: 0 });
  });

  it('obeys a changed CLIPPY_CONF_DIR', async () => {
    const alice = await pair.one({
      ...app('two', MANY_ARGUMENTS),
      'app/strict/clippy.toml': CONFIG,
      'app/lax/clippy.toml': '',
    });
    const from = (dir: string) => clippy(alice, [], { env: { CLIPPY_CONF_DIR: dir } });
    expect((await from('lax')).said).toBe('');
    expect((await from('strict')).said).toContain(TOO_MANY);
    expect((await from(join(alice.dir, 'lax'))).said).toBe('');
    await alice.write({ 'app/lax/clippy.toml': CONFIG });
    expect((await from('lax')).said).toContain(TOO_MANY);
  });

  it('looks for a file that appears in a CLIPPY_CONF_DIR that is relative', async () => {
    const alice = await pair.one({ ...app('six', MANY_ARGUMENTS), 'app/conf/README': '' });
    const options = { env: { CLIPPY_CONF_DIR: 'conf' } };
    expect((await clippy(alice, [], options)).said).toBe('');
    await alice.write({ 'app/conf/clippy.toml': CONFIG });
    expect((await clippy(alice, [], options)).said).toContain(TOO_MANY);
  });

  it('obeys changed CLIPPY_ARGS', async () => {
    const alice = await pair.one(app('three', 'fn main() { print!("done\\n"); }\n'));
    const seen = 'using `print!()` with a format string';
    const allowed = ['--', '-A', 'clippy::print_with_newline'];
    expect((await clippy(alice)).said).toContain(seen);
    expect((await clippy(alice, allowed)).said).toBe('');
    const again = await clippy(alice);
    expect(again.compiled).toBe(0);
    expect(again.said).toContain(seen);
  });

  it('warns about the packages it was asked for: -p b --no-deps and -p a', async () => {
    const bad = (what: string) => `pub fn ${what}() { let x = 1; let x = x; let _ = x + 0; }\n`;
    const alice = await pair.one({
      'app/Cargo.toml': '[workspace]\nmembers = ["a", "b"]\nresolver = "2"\n',
      'app/a/Cargo.toml': manifest('a'),
      'app/a/src/lib.rs': bad('of_a'),
      'app/b/Cargo.toml': manifest('b', '[dependencies]\na = { path = "../a" }\n'),
      'app/b/src/lib.rs': bad('of_b'),
    });
    const place = (crate: string) => join(crate, 'src/lib.rs');
    for (const _ of ['once', 'again']) {
      const b = await clippy(alice, ['-p', 'b', '--', '--no-deps']);
      expect(b.said).toContain(place('b'));
      expect(b.said).not.toContain(place('a'));
      const a = await clippy(alice, ['-p', 'a', '--', '--no-deps']);
      expect(a.said).toContain(place('a'));
      expect(a.said).not.toContain(place('b'));
    }
  });

  it('reads Cargo.toml for its cargo lints: a change is a miss', async () => {
    const main = '#![warn(clippy::cargo_common_metadata)]\nfn main() {}\n';
    const alice = await pair.one(app('four', main));
    const seen = 'package `four` is missing `package.description` metadata';
    expect((await clippy(alice)).said).toContain(seen);
    await alice.write(app('four', main, 'description = "described"\n'));
    const described = await clippy(alice);
    expect(described.compiled).toBe(1);
    expect(described.said).not.toContain(seen);
    expect(described.said).toContain('missing `package.readme` metadata');
    await alice.write({ 'app/README.md': '# four\n' });
    const readable = await clippy(alice);
    expect(readable.said).not.toContain('missing `package.readme` metadata');
    expect(readable.said).toContain('missing `package.repository` metadata');
  });

  it.each<[name: string, where: string, lines: string, more: string, args: string[]]>([
    ['group', 'in the source', '#![warn(clippy::cargo)]\n', '', []],
    ['spaced', 'in the source, spaced', '#![warn(clippy :: /* all */ cargo)]\n', '', []],
    ['table', 'in Cargo.toml', '', '[lints.clippy]\ncargo = "warn"\n', []],
    ['words', 'on the command line', '', '', ['--', '-W', 'clippy::cargo']],
    ['lint', 'on the command line, by name', '', '', ['--', '-Wclippy::cargo_common_metadata']],
  ])('asks cargo for %s %s: what cargo reads is obeyed', async (name, _, lines, more, args) => {
    const alice = await pair.one(app(name, `${lines}fn main() {}\n`, more));
    const seen = 'missing `package.readme` metadata';
    expect((await clippy(alice, args)).said).toContain(seen);
    await alice.write({ 'app/README.md': `# ${name}\n` });
    expect((await clippy(alice, args)).said).not.toContain(seen);
    await alice.remove('app/README.md');
    expect((await clippy(alice, args)).said).toContain(seen);
  });

  it('obeys SYSROOT, which its driver reads', async () => {
    const alice = await pair.one(app('sysroot', 'fn main() {}\n'));
    expect(await clippy(alice)).toMatchObject({ said: '', compiled: 1 });
    const env = { SYSROOT: join(alice.dir, 'nowhere') };
    const lost = await clippy(alice, [], { env, allowFailure: true });
    expect(lost.said).toContain("can't find crate for `std`");
    expect(await clippy(alice)).toMatchObject({ said: '', compiled: 0 });
  });

  it('is the only workspace wrapper that is cached: an unknown one may do as it likes', async () => {
    const alice = await pair.one({
      ...app('five', 'fn main() { println!("{}", cfg!(wrapped)); }\n'),
      'app/wrapper': '#!/bin/sh\nexec "$@" --cfg wrapped --check-cfg "cfg(wrapped)"\n',
    });
    await chmod(join(alice.dir, 'wrapper'), 0o755);
    const env = { RUSTC_WORKSPACE_WRAPPER: join(alice.dir, 'wrapper') };
    for (const _ of ['once', 'again']) {
      await alice.clean();
      expect(await alice.count(['build'], { env })).toMatchObject({
        compiled: 1,
        bypassed: { 'workspace wrapper': 1 },
      });
      expect(await alice.output('five')).toBe('true');
    }
  });
});
