import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import { builds, isFresh } from './builds.js';
import { ending, start, untilFile } from './interrupted.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** base ← mid ← top: three units, unlike those of any other test. */
const chain = (seven: number): Files => ({
  'app/Cargo.toml': manifest('top', '[dependencies]\nmid = { path = "mid" }\n[workspace]\n'),
  'app/src/main.rs': 'fn main() { println!("{}", mid::seven()); }\n',
  'app/mid/Cargo.toml': manifest('mid', '[dependencies]\nbase = { path = "../base" }\n'),
  'app/mid/src/lib.rs': 'pub fn seven() -> u32 { base::seven::<u32>() }\n',
  'app/base/Cargo.toml': manifest('base'),
  'app/base/src/lib.rs': `pub fn seven<T: From<u8>>() -> T { T::from(${seven}) }\n`,
});

const plainly = { env: { CARGO_INCREMENTAL: '0' } };
const incrementally = { env: { CARGO_INCREMENTAL: '1' } };
/** Compiles as if no one had: what two people do before they meet. */
const alone = { VRIFT_RECACHE: '1' };

/** rmeta and the metadata inside the rlib are of one compile. */
async function isOneCompile(project: Project, crate: string): Promise<void> {
  const deps = join(project.dir, 'target/debug/deps');
  const rlibs = (await readdir(deps)).filter((name) => /^lib.*\.rlib$/.test(name));
  const rlib = join(deps, rlibs.find((name) => name.startsWith(`lib${crate}-`))!);
  const metadata = await readFile(rlib.replace(/rlib$/, 'rmeta'));
  expect((await readFile(rlib)).includes(metadata)).toBe(true);
}

describe('edits and reverts', () => {
  it('edit, build, revert, build: the second is all hits', async () => {
    const { alice } = await pair.both(chain(20));
    await builds(alice, ['build'], { compiled: 3 });
    await alice.write({ 'app/base/src/lib.rs': chain(21)['app/base/src/lib.rs']! });
    const { counted } = await builds(alice, ['build'], { compiled: 3 });
    expect(counted.localOnly).toMatchObject({ 'warm incremental state': 3 });
    expect(await alice.output('top')).toBe('21');
    await alice.write({ 'app/base/src/lib.rs': chain(20)['app/base/src/lib.rs']! });
    await builds(alice, ['build'], { disk: 3 });
    expect(await alice.output('top')).toBe('20');
    await isFresh(alice, ['build']);
  });

  it('a branch and back: all hits', async () => {
    const { alice } = await pair.both(chain(22));
    await alice.write({ 'app/.gitignore': 'target\n' });
    const git = (...args: string[]) =>
      alice.developer.run('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], {
        cwd: alice.dir,
      });
    await git('init', '-q', '-b', 'main');
    await builds(alice, ['build'], { compiled: 3 });
    await git('add', '.');
    await git('commit', '-qm', 'One');
    await git('switch', '-qc', 'other');
    await alice.write({
      'app/mid/src/lib.rs': 'pub fn seven() -> u32 { 1 + base::seven::<u32>() }\n',
    });
    await builds(alice, ['build'], { compiled: 2 });
    await git('commit', '-qam', 'Two');
    await git('switch', '-q', 'main');
    await builds(alice, ['build'], { disk: 2 });
    expect(await alice.output('top')).toBe('22');
    await git('switch', '-q', 'other');
    await builds(alice, ['build'], { disk: 2 });
    expect(await alice.output('top')).toBe('23');
  });

  it('check, test, clippy and release come from the cache the second time', async (context) => {
    needs(context, 'clippy');
    const { alice } = await pair.both(chain(23));
    const kinds: [args: string[], units: number][] = [
      [['check'], 3],
      [['test', '--no-run'], 3],
      [['clippy'], 3],
      [['build', '--release'], 3],
    ];
    let others = 0;
    for (const [args, units] of kinds) {
      await alice.clean();
      // `test` needs the libraries that an earlier kind may have made.
      const { units: all, compiled } = await alice.count(args);
      expect(all).toBe(units);
      others += compiled;
    }
    expect(others).toBeGreaterThan(8);
    for (const [args, units] of kinds) {
      await alice.clean();
      await builds(alice, args, { disk: units });
      await isFresh(alice, args);
    }
  });
});

describe('plain and incremental results', () => {
  it('an incremental one never answers a plain request of an optimised build', async () => {
    const { alice, bob } = await pair.both(chain(24));
    await builds(alice, ['build', '--release'], { compiled: 3 }, incrementally);
    await builds(bob, ['build', '--release'], { compiled: 3 });
    expect(await bob.output('top', 'release')).toBe('24');
    // A plain one answers both.
    await bob.clean();
    await builds(bob, ['build', '--release'], { disk: 3 }, incrementally);
  });

  it('where both exist, rlib and rmeta are of one compile and chains link', async () => {
    const { alice, bob } = await pair.both(chain(25));
    await builds(alice, ['build'], { compiled: 3 });
    await alice.clean();
    await builds(alice, ['build'], { compiled: 3 }, { env: { ...plainly.env, ...alone } });
    // Plain ones are preferred, whoever asks: their dependents exist, so nothing is compiled.
    await builds(bob, ['build', '-p', 'base'], { peer: 1 }, plainly);
    await builds(bob, ['build'], { disk: 1, peer: 2 }, incrementally);
    for (const crate of ['base', 'mid']) await isOneCompile(bob, crate);
    await bob.clean();
    await builds(bob, ['build', '-p', 'base'], { disk: 1 }, incrementally);
    await builds(bob, ['build'], { disk: 3 }, plainly);
    for (const crate of ['base', 'mid']) await isOneCompile(bob, crate);
    expect(await bob.output('top')).toBe('25');
    // One more link against what was restored.
    await bob.write({ 'app/src/main.rs': 'fn main() { println!("linked {}", mid::seven()); }\n' });
    await builds(bob, ['build'], { compiled: 1 }, plainly);
    expect(await bob.output('top')).toBe('linked 25');
  });

  it('a killed compile leaves its state empty', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest(
        'app',
        '[dependencies]\nwaits = { path = "waits" }\n[workspace]\n',
      ),
      'app/src/main.rs': 'waits::here!();\nfn main() { println!("done"); }\n',
      'app/waits/Cargo.toml': manifest('waits', '[lib]\nproc-macro = true\n'),
      'app/waits/src/lib.rs': `
        #[proc_macro]
        pub fn here(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
          if let Ok(mark) = std::env::var("WAIT_MARK") {
            std::fs::write(mark, "").unwrap();
            loop { std::thread::park(); }
          }
          "".parse().unwrap()
        }
      `,
    });
    const mark = join(alice.parent, 'mark');
    const build = start(alice, ['build'], { WAIT_MARK: mark });
    await untilFile(mark);
    build.kill('SIGKILL');
    await ending(build);
    const state = await readdir(join(alice.dir, 'target/debug/incremental'), { recursive: true });
    expect(state.some((name) => name.endsWith('-working'))).toBe(true);

    const { counted } = await builds(alice, ['build'], { compiled: 1 });
    expect(counted.localOnly).toEqual({});
    await builds(bob, ['build'], { peer: 2 });
    expect(await bob.output()).toBe('done');
  });

  it("two packages' build scripts do not share a state", async () => {
    const script = (text: string) => `fn main() { println!("cargo::rustc-env=SAYS=${text}"); }\n`;
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
      'app/build.rs': script('app'),
      'app/src/main.rs': 'fn main() { println!("{} {}", env!("SAYS"), lib::SAYS); }\n',
      'app/lib/Cargo.toml': manifest('lib'),
      'app/lib/build.rs': script('lib'),
      'app/lib/src/lib.rs': 'pub const SAYS: &str = env!("SAYS");\n',
    });
    const { counted } = await builds(alice, ['build'], { compiled: 4 });
    expect(counted.localOnly).toEqual({});
    await builds(bob, ['build'], { peer: 4 });
    expect(await bob.output()).toBe('app lib');
  });
});
