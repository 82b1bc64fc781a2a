import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { areShared, builds, isFresh } from './builds.js';
import { gitServer } from './fetched.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** A library with a documented example, a program, and one target of every other kind. */
const everyTarget = (word: string, more = ''): Files => ({
  'app/Cargo.toml': `${manifest('app')}${more}
[dependencies]
lib = { path = "lib" }
[[bench]]
name = "speed"
harness = false
[workspace]
`,
  'app/src/main.rs': `fn main() {
    println!("{} {} {}", lib::word(), cfg!(debug_assertions), cfg!(extra));
  }\n`,
  'app/examples/shown.rs': 'fn main() { println!("example {}", lib::word()); }\n',
  'app/benches/speed.rs': 'fn main() { println!("bench {}", lib::word()); }\n',
  'app/tests/whole.rs': `#[test] fn says() { assert_eq!(lib::word(), "${word}"); }\n`,
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': `/// \`\`\`
/// assert_eq!(lib::word(), "${word}");
/// \`\`\`
pub fn word() -> &'static str { "${word}" }
#[cfg(test)] mod tests { #[test] fn inside() { assert_eq!(super::word(), "${word}"); } }
`,
});

/** Standard output of a cargo command that is run twice, the second time without any compile. */
async function printsTwice(project: Project, args: readonly string[]): Promise<string> {
  const { stdout } = await project.cargo(args);
  expect((await builds(project, args, {})).stdout).toBe(stdout);
  return stdout;
}

describe('every command of cargo that compiles', () => {
  it('check, and check of all targets', async () => {
    const both = await pair.both(everyTarget('checked'));
    await areShared(both, ['check'], 2);
    await areShared(both, ['check', '--all-targets'], 4);
  });

  it('build, run and an example', async () => {
    const both = await pair.both(everyTarget('ran'));
    await areShared(both, ['build'], 2);
    expect(await printsTwice(both.bob, ['run'])).toBe('ran true false\n');
    await areShared(both, ['build', '--examples'], 1);
    expect(await printsTwice(both.bob, ['run', '--example', 'shown'])).toBe('example ran\n');
  });

  it('test: of programs, of libraries, and whole ones', async () => {
    const both = await pair.both(everyTarget('tested'));
    const args = ['test', '--workspace'];
    const { stdout } = await areShared(both, args, 6);
    expect(stdout.match(/test \S+ \.\.\. ok/g)).toHaveLength(2);
    expect(stdout).toContain('lib.rs - word (line 1) ... ok');
  });

  it('test --doc: the library is shared, its examples pass and are not seen', async () => {
    const both = await pair.both(everyTarget('shown in an example'));
    const { stdout } = await areShared(both, ['test', '--doc', '-p', 'lib'], 1);
    expect(stdout).toContain('lib.rs - word (line 1) ... ok');
  });

  it('bench', async () => {
    const both = await pair.both(everyTarget('fast'));
    const args = ['bench', '--bench', 'speed'];
    expect((await areShared(both, args, 3)).stdout).toBe('bench fast\n');
  });

  it("--release and a profile of one's own, each other programs", async () => {
    const more = '[profile.mine]\ninherits = "release"\ndebug-assertions = true\n';
    const both = await pair.both(everyTarget('profile', more));
    await areShared(both, ['build', '--release'], 2);
    await areShared(both, ['build', '--profile=mine'], 2);
    expect(await both.bob.output('app', 'release')).toBe('profile false false');
    expect(await both.bob.output('app', 'mine')).toBe('profile true false');
  });

  it('rustc -- FLAGS: other flags, another program; other kinds of output are not cached', async () => {
    const both = await pair.both(everyTarget('flags'));
    const extra = ['rustc', '--', '--cfg=extra', '--check-cfg=cfg(extra)'];
    await areShared(both, extra, 2);
    expect(await both.bob.output()).toBe('flags true true');
    await builds(both.bob, ['rustc'], { compiled: 1 });
    expect(await both.bob.output()).toBe('flags true false');
    await isFresh(both.bob, extra);
    expect(await both.bob.output()).toBe('flags true true');
    for (const project of [both.alice, both.bob]) {
      const counted = await project.count(['rustc', '--', '--emit=asm']);
      expect(counted).toMatchObject({ compiled: 1, bypassed: { 'emit kind': 1 } });
      const { stdout } = await project.developer.run('sh', ['-c', 'ls target/debug/deps/app-*.s'], {
        cwd: project.dir,
      });
      expect(stdout).not.toBe('');
    }
  });

  it('doc: what it checks first is shared, rustdoc itself is not seen', async () => {
    const both = await pair.both(everyTarget('documented'));
    await areShared(both, ['doc'], 1);
    const page = await both.bob.read('app/target/doc/lib/fn.word.html');
    expect(page).toContain('documented');
  });

  it('fix: mends the sources of each developer, and the next build has them', async () => {
    const files = everyTarget('mended');
    const main = 'fn main() { let mut word = lib::word(); println!("{word}"); }\n';
    const both = await pair.both({ ...files, 'app/src/main.rs': main });
    for (const project of [both.alice, both.bob]) {
      // Cargo puts itself before rustc for what it mends: only the library is seen.
      const expected = project === both.alice ? { compiled: 1 } : { peer: 1 };
      const args = ['fix', '--allow-no-vcs', '--bin', 'app'];
      const { stderr } = await builds(project, args, expected);
      expect(stderr).toContain('Fixed src/main.rs (1 fix)');
      expect(await project.read('app/src/main.rs')).toContain('let word = lib::word()');
    }
    await areShared(both, ['build'], 2);
    expect(await both.bob.output()).toBe('mended');
  });

  it('install, from a path and from a git repository', async () => {
    const both = await pair.both(everyTarget('installed'));
    const installed = (project: Project, root: string) =>
      project.developer.run(join(project.parent, root, 'bin/app'), []);
    const args = ['install', '--path', '.', '--root', '../here'];
    await builds(both.alice, args, { compiled: 2 });
    await builds(both.bob, args, { peer: 2 });
    expect((await installed(both.bob, 'here')).stdout).toBe('installed false false\n');

    const server = join(pair.alice.root, 'server-of-app');
    const files = Object.entries(everyTarget('from git'));
    const url = await gitServer(
      pair.alice,
      server,
      Object.fromEntries(files.map(([path, text]) => [path.replace(/^app\//, ''), text])),
    );
    const git = ['install', '--git', url, '--root', '../there'];
    const env = { CARGO_NET_OFFLINE: 'false' };
    await builds(both.alice, git, { compiled: 2 }, { env });
    await builds(both.bob, git, { peer: 2 }, { env });
    expect((await installed(both.bob, 'there')).stdout).toBe('from git false false\n');
  });
});

describe('where cargo builds', () => {
  it('the host named as --target: shared with those who name it', async () => {
    const both = await pair.both(everyTarget('for the host'));
    const { stdout } = await both.alice.developer.run('rustc', ['-vV']);
    const host = /^host: (.+)$/m.exec(stdout)![1]!;
    await areShared(both, ['build', '--target', host], 2);
    const printed = await printsTwice(both.bob, ['run', '--target', host]);
    expect(printed).toBe('for the host true false\n');
  });

  it('build.build-dir away from the target directory', async () => {
    const both = await pair.both(everyTarget('away'));
    const away = (project: Project) => ({
      env: { CARGO_BUILD_BUILD_DIR: join(project.parent, 'built') },
    });
    await builds(both.alice, ['build'], { compiled: 2 }, away(both.alice));
    await builds(both.bob, ['build'], { peer: 2 }, away(both.bob));
    await isFresh(both.bob, ['build'], away(both.bob));
    expect(await both.bob.output()).toBe('away true false');
    await builds(both.bob, ['build'], { disk: 2 });
    expect(await both.bob.output()).toBe('away true false');
  });
});
