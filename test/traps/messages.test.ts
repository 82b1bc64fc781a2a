import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import { until } from '../harness/programs.js';
import { builds, isFresh } from './builds.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const LONG = `let unused = "${'a long line '.repeat(12)}";`;

/** A silent library, one that warns from outside of the workspace, and a program. */
const warning = (seven: number): Files => ({
  'app/Cargo.toml': manifest(
    'app',
    '[dependencies]\nsilent = { path = "silent" }\nloud = { path = "../lo\'ud" }\n[workspace]\n',
  ),
  'app/src/main.rs': 'fn main() { println!("{}", silent::seven() + loud::seven()); }\n',
  'app/silent/Cargo.toml': manifest('silent'),
  'app/silent/src/lib.rs': `pub fn seven() -> u32 { ${seven} }\n`,
  "lo'ud/Cargo.toml": manifest('loud'),
  "lo'ud/src/lib.rs": `pub fn seven() -> u32 { ${LONG} ${seven} }\n`,
});

/** What `cargo build` shows in a terminal of so many columns, less its own progress. */
async function inTerminal(project: Project, columns: number): Promise<string> {
  const command = `stty cols ${columns} rows 50; exec cargo build`;
  const { stdout } = await project.developer.run('script', ['-qec', command, '/dev/null'], {
    cwd: project.dir,
    env: {
      RUSTC_WRAPPER: join(project.developer.bin, 'vrift-rustc'),
      CARGO_TERM_PROGRESS_WHEN: 'never',
    },
  });
  return stdout.replaceAll('\r', '');
}

describe('messages', () => {
  it('of a cached crate are replayed with the path of who builds, once', async () => {
    const { alice, bob } = await pair.both(warning(1));
    const first = await builds(alice, ['build'], { compiled: 3 });
    const second = await builds(bob, ['build'], { peer: 3 });
    for (const [{ parent }, { stderr }] of [[alice, first] as const, [bob, second] as const]) {
      expect(stderr.match(/warning: unused variable/g)).toHaveLength(1);
      expect(stderr).toContain(`--> ${parent}/lo'ud/src/lib.rs:1:29`);
      expect(stderr).toContain('`loud` (lib) generated 1 warning');
      expect(stderr).not.toContain('/vr/');
    }
    const warnings = (stderr: string) =>
      stderr.split('\n').filter((line) => !/^ {3,}[A-Z]/.test(line));
    expect(warnings(second.stderr.replaceAll(bob.parent, alice.parent))).toEqual(
      warnings(first.stderr),
    );
    const json = await bob.cargo(['build', '--message-format=json', '-q']);
    expect(json.stdout).toContain(`${bob.parent}/lo'ud/src/lib.rs`);
  });

  it('of a crate outside the workspace that has another inside name both where they are', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest(
        'app',
        '[dependencies]\nouter = { path = "../outer" }\n[workspace]\n',
      ),
      'app/src/main.rs': 'fn main() { outer::outer(); }\n',
      'outer/Cargo.toml': manifest('outer', '[dependencies]\ninner = { path = "inner" }\n'),
      'outer/src/lib.rs': 'pub fn outer() { let x = 1; inner::inner() }\n',
      'outer/inner/Cargo.toml': manifest('inner'),
      'outer/inner/src/lib.rs': 'pub fn inner() { let x = 1; }\n',
    });
    await builds(alice, ['build'], { compiled: 3 });
    const { stderr } = await builds(bob, ['build'], { peer: 3 });
    expect(stderr).toContain(`--> ${bob.parent}/outer/src/lib.rs:1:22`);
    expect(stderr).toContain(`--> ${bob.parent}/outer/inner/src/lib.rs:1:22`);
  });

  it('in another format: a silent unit is one entry for all, a loud one is rendered', async () => {
    const { alice, bob } = await pair.both(warning(2));
    const short = ['build', '--message-format=short'];
    await builds(alice, ['build'], { compiled: 3 });
    const { stderr } = await builds(bob, short, { compiled: 1, peer: 2 });
    expect(stderr).toContain(`${bob.parent}/lo'ud/src/lib.rs:1:29: warning: unused variable`);
    await alice.clean();
    const again = await builds(alice, short, { disk: 2, peer: 1 });
    expect(again.stderr).toContain(`${alice.parent}/lo'ud/src/lib.rs:1:29: warning: unused`);
    await bob.clean();
    const whole = await builds(bob, ['build'], { disk: 2, peer: 1 });
    expect(whole.stderr).toContain(` --> ${bob.parent}/lo'ud/src/lib.rs:1:29`);
  });

  it('with colours and without come from one entry', async () => {
    const { alice, bob } = await pair.both(warning(3));
    await builds(alice, ['build', '--color=never'], { compiled: 3 });
    const { stderr } = await builds(bob, ['build', '--color=always'], { peer: 3 });
    expect(stderr).toContain('\u001b[33mwarning');
    await alice.clean();
    const plain = await builds(alice, ['build', '--color=never'], { disk: 3 });
    expect(plain.stderr).not.toContain('\u001b');
  });

  it('a caller is told of each file when it is there, as the compiler does', async () => {
    const { alice, bob } = await pair.both({ 'app/lib.rs': 'pub fn five() -> u32 { 5 }\n' });
    const said = async ({ developer, dir }: Project, expected: object) => {
      await developer.resetStats();
      await mkdir(join(dir, 'out'), { recursive: true });
      const crate = ['--crate-name', 'told', '--crate-type', 'lib', 'lib.rs', '-C', 'metadata=1'];
      const made = ['--emit=dep-info,metadata,link', '--out-dir', `${dir}/out`];
      const how = ['--error-format=json', '--json=artifacts,diagnostic-rendered-ansi'];
      const words = ['rustc', ...crate, ...made, ...how, '-C', 'embed-bitcode=no'];
      const { stderr } = await developer.run(join(developer.bin, 'vrift-rustc'), words, {
        cwd: dir,
      });
      await until('it is counted', async () => (await developer.stats()).units === 1);
      expect(await developer.stats()).toMatchObject(expected);
      return stderr.replaceAll(dir, 'HERE').trimEnd().split('\n');
    };
    const files = [
      ['libtold.rmeta', 'metadata'],
      ['libtold.rlib', 'link'],
      ['told.d', 'dep-info'],
    ];
    const expected = files.map(([name, emit]) => {
      const told = { $message_type: 'artifact', artifact: `HERE/out/${name}`, emit };
      return JSON.stringify(told);
    });
    const once = [
      await said(alice, { compiled: 1 }),
      await said(alice, { hits: { disk: 1 } }),
      await said(bob, { hits: { peer: 1 } }),
    ];
    for (const lines of once) expect(lines.toSorted()).toEqual(expected.toSorted());
  });

  it('are as wide as the terminal: 80 columns and 200', async (context) => {
    needs(context, 'script');
    const { alice, bob } = await pair.both(warning(4));
    for (const [project, columns] of [[alice, 80] as const, [bob, 200] as const]) {
      const compiled = await inTerminal(project, columns);
      const lines = compiled.split('\n').filter((line) => line.includes('a long line'));
      expect(lines).toHaveLength(1);
      expect(lines[0]!.length).toBeLessThanOrEqual(columns);
      expect(lines[0]!.length).toBeGreaterThan(columns - 40);
      await project.developer.resetStats();
      await project.clean();
      expect(await inTerminal(project, columns)).toContain(lines[0]);
      expect(await project.developer.stats()).toMatchObject({ compiled: 0, hits: { disk: 3 } });
    }
  });
});

describe('places in programs', () => {
  const panicking = {
    'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
    'app/src/main.rs': 'fn main() { lib::run(|| std::env::args().nth(9).unwrap()); }\n',
    'app/lib/Cargo.toml': manifest('lib'),
    'app/lib/src/lib.rs': 'pub fn run<T>(f: impl Fn() -> T) -> T { f() }\n',
  };

  it('panic messages and backtraces of members read as with plain cargo', async () => {
    const { alice, bob } = await pair.both(panicking);
    const said = async (project: Project, profile: string) => {
      const program = join(project.dir, profile, 'debug/app');
      const options = { cwd: project.dir, allowFailure: true, env: { RUST_BACKTRACE: '1' } };
      const { stderr, code } = await project.developer.run(program, [], options);
      expect(code).toBe(101);
      // Thread ids and the names' hashes differ from run to run and from build to build.
      return stderr.replace(/ \(\d+\) /, ' ').replaceAll(/::h[0-9a-f]{16}/g, '');
    };
    await builds(alice, ['build'], { compiled: 2 });
    await builds(bob, ['build'], { peer: 2 });
    const plain = { VRIFT_DISABLE: '1', CARGO_TARGET_DIR: 'plain' };
    await bob.cargo(['build'], { env: plain });
    const text = await said(bob, 'target');
    expect(text).toContain('panicked at src/main.rs:1:49');
    expect(text).toContain('at ./lib/src/lib.rs:1:');
    expect(text).toBe(await said(bob, 'plain'));
    await isFresh(bob, ['build']);
  });

  it('a debugger finds the sources', async (context) => {
    needs(context, 'gdb');
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('app', '[workspace]\n'),
      'app/src/main.rs': 'fn main() {\n  println!("seen by gdb");\n}\n',
    });
    await builds(alice, ['build'], { compiled: 1 });
    await builds(bob, ['build'], { peer: 1 });
    const ask = ['-nx', '-batch', '-ex', 'list app::main', 'target/debug/app'];
    const { stdout } = await bob.developer.run('gdb', ask, { cwd: bob.dir });
    expect(stdout).toContain('println!("seen by gdb");');
  });
});
