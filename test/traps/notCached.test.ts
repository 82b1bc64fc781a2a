import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builds } from './builds.js';
import { COMPILED, printed, rustc } from './calls.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const HELLO = { 'app/main.rs': 'fn main() { println!("hello"); }\n' };

const filesOf = async (project: Project) => (await readdir(join(project.dir, 'out'))).join(' ');

describe('not cached, counted by its reason, and as without vrift', () => {
  const cases: {
    what: string;
    reason: string;
    flags: (host: string, dir: string) => string[];
    env?: NodeJS.ProcessEnv;
    makes?: RegExp;
  }[] = [
    {
      what: '-C save-temps',
      reason: 'save temps',
      flags: () => ['-C', 'save-temps'],
      makes: /app.*\.bc/,
    },
    {
      what: '--emit=asm beside the program',
      reason: 'emit kind',
      flags: () => ['--emit=asm', '-C', 'codegen-units=1'],
      makes: /app\.s/,
    },
    {
      what: '-o',
      reason: 'output file option',
      flags: () => ['-o', 'out/app'],
    },
    {
      what: 'a linker that is named by its flavor',
      reason: 'linker flavor',
      flags: () => ['-C', 'linker-flavor=gcc'],
    },
    {
      what: 'a target by name where RUST_TARGET_PATH may say what that is',
      reason: 'target specification file',
      flags: (host) => ['--target', host],
      env: { RUST_TARGET_PATH: '/tmp' },
    },
    {
      what: 'code that writes profiling data',
      reason: 'profiling data',
      flags: (_, dir) => [`-Cprofile-generate=${join(dir, 'out')}`],
      makes: /\.profraw/,
    },
  ];
  for (const { what, reason, flags, env, makes } of cases) {
    it(what, async () => {
      const alice = await pair.one(HELLO);
      const { stdout } = await alice.developer.run('rustc', ['-vV']);
      const host = /^host: (.+)$/m.exec(stdout)![1]!;
      for (const _ of ['once', 'again']) {
        await alice.remove('app/out');
        const done = await rustc(alice, flags(host, alice.dir), { env: env ?? {} });
        expect(done).toMatchObject({
          code: 0,
          counted: { ...COMPILED, bypassed: { [reason]: 1 } },
        });
        expect(await printed(alice)).toBe('hello');
        expect(await filesOf(alice)).toMatch(makes ?? /app/);
      }
    });
  }

  it('a call that asks for no dep-info: nobody would know what it read', async () => {
    const alice = await pair.one(HELLO);
    const launcher = join(alice.developer.bin, 'vrift-rustc');
    const words = ['rustc', '--crate-name', 'app', 'main.rs', '--emit=link', '--out-dir', 'out'];
    for (const _ of ['once', 'again']) {
      await alice.remove('app/out');
      await alice.developer.resetStats();
      await alice.developer.run(launcher, words, { cwd: alice.dir });
      const bypassed = { 'no dep-info': 1 };
      expect(await alice.developer.stats()).toMatchObject({ ...COMPILED, bypassed });
      expect(await printed(alice)).toBe('hello');
    }
  });

  it('what cache_targets and cache_extensions of a project leave out', async () => {
    const files = {
      'app/Cargo.toml': manifest('app', '[workspace]\n'),
      'app/src/main.rs': 'fn main() { println!("hello"); }\n',
    };
    const rule = (text: string) => ({ 'app/velo.toml': `[l2_cache]\n${text}\n` });
    for (const [reason, text] of [
      ['profile not cached', 'cache_targets = ["release"]'],
      ['extension not cached', 'cache_extensions = [".rlib"]'],
    ] as const) {
      const alice = await pair.one({ ...files, ...rule(text) });
      for (const _ of ['once', 'again']) {
        await alice.clean();
        const bypassed = { [reason]: 1 };
        expect(await alice.count(['build'])).toMatchObject({ compiled: 1, bypassed });
        expect(await alice.output()).toBe('hello');
      }
    }
    const alice = await pair.one({ ...files, ...rule('cache_targets = ["release"]') });
    await builds(alice, ['build', '--release'], { compiled: 1 });
    await alice.clean();
    await builds(alice, ['build', '--release'], { disk: 1 });
  });
});
