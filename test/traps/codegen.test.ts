import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { areShared, builds, isFresh } from './builds.js';
import { COMPILED, FROM_DISK, runpath, rustc } from './calls.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** A program that a library makes panic when asked to. `more` goes into Cargo.toml. */
const panics = (word: string, more = ''): Files => ({
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }\n${more}[workspace]\n`,
  'app/src/main.rs': `fn main() {
    let caught = std::panic::catch_unwind(|| lib::run(std::env::args().count() > 1));
    println!("${word} {}", caught.is_ok());
  }\n`,
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': `pub fn run(panic: bool) { if panic { panic!("as asked: ${word}") } }\n`,
});

/** Exit code and output of the program when its library panics. */
async function panicked(project: Project, profile: string) {
  const program = join(project.dir, 'target', profile, 'app');
  const options = { cwd: project.dir, allowFailure: true };
  const { code, signal, stdout, stderr } = await project.developer.run(program, ['now'], options);
  return { code, signal, stdout, stderr };
}

const flags = (text: string) => ({ env: { RUSTFLAGS: text } });

describe('how code is made', () => {
  it('lto = "fat" and "thin": shared, each another program, from the same libraries', async () => {
    const lto = (kind: string) =>
      panics('lto', `[profile.release]\nopt-level = 0\nlto = "${kind}"\n`);
    const args = ['build', '--release'];
    const both = await pair.both(lto('fat'));
    await areShared(both, args, 2);
    expect(await both.bob.output('app', 'release')).toBe('lto true');
    for (const project of [both.alice, both.bob]) await project.write(lto('thin'));
    await builds(both.alice, args, { compiled: 1, disk: 1 });
    await builds(both.bob, args, { peer: 1, disk: 1 });
    await isFresh(both.bob, args);
    expect(await both.bob.output('app', 'release')).toBe('lto true');
  });

  it('linker-plugin LTO: shared where no macro could have hidden a path', async () => {
    const both = await pair.both(panics('plugin'));
    await areShared(both, ['build', '--release'], 2, flags('-C linker-plugin-lto'));
    expect(await both.bob.output('app', 'release')).toBe('plugin true');
  });

  it('panic = "abort": shared, and aborts where the default unwinds', async () => {
    const both = await pair.both(panics('abort', '[profile.dev]\npanic = "abort"\n'));
    await areShared(both, ['build'], 2);
    expect(await panicked(both.bob, 'debug')).toMatchObject({ signal: 'SIGABRT', stdout: '' });
    await both.bob.write(panics('abort'));
    await builds(both.bob, ['build'], { compiled: 2 });
    expect(await panicked(both.bob, 'debug')).toMatchObject({ code: 0, stdout: 'abort false\n' });
  });

  it('CARGO_ENCODED_RUSTFLAGS, with a space inside of a flag', async () => {
    const both = await pair.both({
      ...panics('encoded'),
      'app/src/main.rs': 'fn main() { println!("{}", cfg!(word = "two words")); }\n',
    });
    const encoded = (cfg: string) => ({
      env: { CARGO_ENCODED_RUSTFLAGS: `--cfg\u001fword="${cfg}"\u001f-Aunexpected_cfgs` },
    });
    await areShared(both, ['build'], 2, encoded('two words'));
    expect(await both.bob.output()).toBe('true');
    await builds(both.bob, ['build'], { compiled: 2 }, encoded('two'));
    expect(await both.bob.output()).toBe('false');
  });

  it('target-cpu=native: shared on one kind of machine', async () => {
    const both = await pair.both(panics('native'));
    await areShared(both, ['build'], 2, flags('-C target-cpu=native'));
    expect(await both.bob.output()).toBe('native true');
  });

  it('remarks of the optimiser come again from the store, and are not left out', async () => {
    const alice = await pair.one({
      'app/main.rs': 'fn main() { for n in std::env::args() { println!("{n}"); } }\n',
    });
    const optimised = ['-O', '-g'];
    expect((await rustc(alice, optimised)).counted).toMatchObject(COMPILED);
    const compiled = await rustc(alice, [...optimised, '-C', 'remark=inline']);
    expect(compiled.counted).toMatchObject(COMPILED);
    expect(compiled.stderr).toContain('inline (success)');
    const again = await rustc(alice, [...optimised, '-C', 'remark=inline']);
    expect(again.counted).toMatchObject(FROM_DISK);
    expect(again.stderr).toBe(compiled.stderr);
  });
});

describe('shared libraries', () => {
  const dynamic = (word: string, more = ''): Files => ({
    ...panics(word, more),
    'app/lib/Cargo.toml': manifest('lib', '[lib]\ncrate-type = ["dylib"]\n'),
  });

  it('-C prefer-dynamic: shared, and the program finds the library', async () => {
    const both = await pair.both(dynamic('dynamic'));
    const dynamically = flags('-C prefer-dynamic');
    await areShared(both, ['build'], 2, dynamically);
    // Cargo says where the libraries are; a program of this kind has no idea.
    const { stdout } = await both.bob.cargo(['run'], dynamically);
    expect(stdout).toBe('dynamic true\n');
  });

  it('-C rpath: the way to the libraries is in the program, so the places have to be the same', async () => {
    const { alice, bob } = await pair.both(dynamic('rpath'));
    const found = flags('-C prefer-dynamic -C rpath');
    await builds(alice, ['build'], { compiled: 2 }, found);
    await builds(bob, ['build'], { compiled: 2 }, found);
    expect(await alice.output()).toBe('rpath true');
    expect(await bob.output()).toBe('rpath true');
    const program = 'target/debug/app';
    expect(await runpath(alice, program)).not.toBe(await runpath(bob, program));
    await bob.clean();
    await builds(bob, ['build'], { disk: 2 }, found);
    expect(await bob.output()).toBe('rpath true');
  });
});
