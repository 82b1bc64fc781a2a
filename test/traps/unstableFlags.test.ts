import { describe, expect, it } from 'vitest';
import { KEYED_UNSTABLE } from '../../src/compilers/rustc/unstable.js';
import { areShared, builds } from './builds.js';
import { COMPILED, FROM_DISK, printed, rustc } from './calls.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** A stable compiler that takes what only nightly ones take. */
const unstable = (flags: string) => ({ env: { RUSTC_BOOTSTRAP: '1', RUSTFLAGS: flags } });

/** Reads behind the end of a list when it gets an argument. */
const overrun = (word: string, more = ''): Files => ({
  'app/Cargo.toml': manifest('app', `[dependencies]\nlib = { path = "lib" }\n${more}[workspace]\n`),
  'app/src/main.rs': `fn main() {
    let list = vec![1u8, 2, 3];
    let at = std::env::args().count() + 1;
    println!("${word} {}", lib::read(&list, at));
  }\n`,
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs':
    '#[inline(never)] pub fn read(list: &[u8], at: usize) -> u8 { unsafe { *list.as_ptr().add(at) } }\n',
});

async function hasNightly({ developer }: Project): Promise<boolean> {
  return (await developer.run('rustup', ['toolchain', 'list'])).stdout.includes('nightly');
}

describe('-Z flags', () => {
  it('of a sanitizer: shared, and the program is watched', async () => {
    const both = await pair.both(overrun('watched'));
    const { stdout } = await both.alice.developer.run('rustc', ['-vV']);
    const host = /^host: (.+)$/m.exec(stdout)![1]!;
    // A sanitized procedural macro or build script would need a sanitized compiler.
    const args = ['build', '--target', host];
    await areShared(both, args, 2, unstable('-Zsanitizer=address'));
    const program = `target/${host}/debug/app`;
    const options = { cwd: both.bob.dir, allowFailure: true };
    const good = await both.bob.developer.run(program, [], options);
    expect(good).toMatchObject({ code: 0, stdout: 'watched 3\n' });
    const bad = await both.bob.developer.run(program, ['more'], options);
    expect(bad.code).not.toBe(0);
    expect(bad.stderr).toContain('AddressSanitizer: heap-buffer-overflow');
    expect(bad.stderr).toContain('lib/src/lib.rs:1');
    await builds(both.bob, args, { compiled: 2 }, unstable(''));
    const unwatched = await both.bob.developer.run(program, ['more'], options);
    expect(unwatched).toMatchObject({ code: 0 });
  });

  it('that decide what is made are in the key, with their values', async () => {
    const alice = await pair.one({
      'app/main.rs': 'fn main() { println!("{:?}", std::panic::Location::caller().line()); }\n',
    });
    const env = { RUSTC_BOOTSTRAP: '1' };
    const shown = async (flags: string[], expected: object, line: string) => {
      expect(await rustc(alice, flags, { env })).toMatchObject({ code: 0, counted: expected });
      expect(await printed(alice)).toBe(line);
    };
    for (const expected of [COMPILED, FROM_DISK]) {
      await shown([], expected, '1');
      await shown(['-Zlocation-detail=file'], expected, '0');
      await shown(['-Z', 'location_detail=line'], expected, '1');
      await shown(['-Zunstable-options', '-Zthreads=2', '-Zshare-generics=y'], expected, '1');
    }
  });

  it('that write files or ask for a report: not cached, and they do what they do', async () => {
    const alice = await pair.one({ 'app/main.rs': 'fn main() { println!("ran"); }\n' });
    const env = { RUSTC_BOOTSTRAP: '1' };
    const cases = [
      ['-Zself-profile=profile'],
      ['-Zprint-type-sizes'],
      ['-Zunstable-options', '--error-format=json', '--json=timings'],
    ];
    for (const flags of cases) {
      for (const _ of ['once', 'again']) {
        await alice.remove('app/profile');
        const done = await rustc(alice, flags, { env });
        expect(done.counted).toMatchObject({ ...COMPILED, bypassed: { 'unstable flag': 1 } });
        const listed = await alice.developer.run('ls', [], { cwd: alice.dir });
        const said = done.stdout + done.stderr + listed.stdout;
        expect(said).toMatch(/print-type-size|section_timing|^profile$/m);
      }
    }
  });

  it('in the table are flags of the nightly compiler', async (context) => {
    const alice = await pair.one({ 'app/README': '' });
    if (!(await hasNightly(alice))) context.skip('no nightly toolchain');
    const { stdout } = await alice.developer.run('rustc', ['+nightly', '-Z', 'help']);
    const known = new Set([...stdout.matchAll(/-Z +([a-z0-9-]+)=/g)].map(([, name]) => name));
    expect([...KEYED_UNSTABLE].filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('reports that come whatever lints say', () => {
  it('are not left out because somebody did not ask for them', async () => {
    const future = 'macro_rules! m { () => { true; } } fn main() { let _x = m!(); }\n';
    const alice = await pair.one({ 'app/main.rs': future });
    const quiet = ['--cap-lints', 'allow', '--error-format=json', '--json=artifacts'];
    const asking = [...quiet, '--json=future-incompat'];
    for (const expected of [COMPILED, FROM_DISK]) {
      const silent = await rustc(alice, quiet);
      expect(silent.counted).toMatchObject(expected);
      expect(silent.stderr).not.toContain('future_incompat');
      const told = await rustc(alice, asking);
      expect(told.counted).toMatchObject(expected);
      expect(told.stderr).toContain('"future_incompat_report"');
    }
  });
});

describe('a nightly toolchain', () => {
  it('with flags that cargo passes on: shared', async (context) => {
    const both = await pair.both(overrun('nightly', '[profile.dev]\npanic = "abort"\n'));
    if (!(await hasNightly(both.alice))) context.skip('no nightly toolchain');
    const args = ['+nightly', 'test', '-Zpanic-abort-tests', '-Zbuild-dir-new-layout'];
    await areShared(both, args, 2);
    // The library is the same for a test and a build, wherever cargo puts it.
    await builds(both.bob, ['+nightly', 'build'], { compiled: 1, disk: 1 });
    expect(await both.bob.output()).toBe('nightly 3');
  });
});
