import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK, kept, rustc, tool } from './calls.js';
import { HELD, held } from './held.js';
import { type Files, manifest, type Project, pairOfDevelopers, UNWATCHED } from './support.js';

/** A macro that waits for a word reads files, which would be reason enough not to store. */
const pair = pairOfDevelopers(UNWATCHED);

const saying = (text: string): Files => ({
  'app/src/main.rs': `hold::hold!(here);\nfn main() { println!("{}", ${text}); }\n`,
});

describe('while the compiler runs', () => {
  it('a source is edited: the result is not stored', async () => {
    const alice = await pair.one({ ...HELD, ...saying('"first"') });
    const building = alice.cargo(['build']);
    await held(alice);
    await alice.write({ ...saying('"second"'), 'app/go-here': '' });
    await building;
    expect(await alice.output()).toBe('first');

    expect(await alice.count(['build'])).toMatchObject(COMPILED);
    expect(await alice.output()).toBe('second');
    await alice.write(saying('"first"'));
    expect(await alice.count(['build'])).toMatchObject(COMPILED);
    expect(await alice.output()).toBe('first');
  });

  it('a file is saved before the compiler reads it, and taken back after: never a stale hit', async () => {
    const text = (content: string) => ({ 'app/src/text.txt': content });
    const alice = await pair.one({
      ...HELD,
      'app/src/main.rs': `hold::hold!(before);
        const TEXT: &str = include_str!("text.txt");
        hold::hold!(after);
        fn main() { println!("{TEXT}"); }\n`,
      ...text('early'),
    });
    const building = alice.cargo(['build']);
    await held(alice, 'before');
    await alice.write({ ...text('later'), 'app/go-before': '' });
    await held(alice, 'after');
    await alice.write({ ...text('early'), 'app/go-after': '' });
    await building;
    expect(await alice.output()).toBe('later');
    for (const content of ['early', 'later', 'early']) {
      await alice.write(text(content));
      await alice.cargo(['build']);
      expect(await alice.output()).toBe(content);
    }
  });
});

describe('a compile that does not succeed', () => {
  it('fails: nothing is stored, the same exit code and the same message every time', async () => {
    const alice = await pair.one({
      'app/Cargo.toml': `${manifest('app')}[workspace]\n`,
      'app/src/main.rs': 'fn main() { let _: u32 = "text"; }\n',
    });
    const before = await kept(alice);
    for (const _ of ['once', 'again']) {
      await alice.developer.resetStats();
      const { code, stderr } = await alice.cargo(['build'], { allowFailure: true });
      expect(code).toBe(101);
      expect(stderr).toContain('error[E0308]: mismatched types');
      expect(await alice.developer.stats()).toMatchObject(COMPILED);
    }
    expect(await kept(alice)).toBe(before);
  });

  it('fails where an earlier one left its outputs: those are not taken for its own', async () => {
    const lib = (text: string) => ({ 'app/lib.rs': `pub fn f() -> u32 { ${text} }\n` });
    const alice = await pair.one(lib('1'));
    const compile = () => rustc(alice, ['--crate-type', 'lib'], { source: 'lib.rs' });
    expect(await compile()).toMatchObject({ code: 0, counted: COMPILED });
    const before = await kept(alice);
    await alice.write(lib('"text"'));
    for (const _ of ['once', 'again']) {
      const { code, stderr, counted } = await compile();
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('E0308') });
      expect(counted).toMatchObject(COMPILED);
      expect(await tool(alice, 'ls', 'out')).toContain('libapp.rlib');
    }
    expect(await kept(alice)).toBe(before);
  });

  const deaths = [
    {
      what: 'is killed',
      die: async (_: Project, pid: number) => void process.kill(pid, 'SIGKILL'),
      seen: '(signal: 9, SIGKILL: kill)',
    },
    {
      what: 'dies by a signal of its own',
      die: (alice: Project) => alice.write({ 'app/abort': '' }),
      seen: '(signal: 6, SIGABRT: process abort signal)',
    },
  ];
  for (const { what, die, seen } of deaths) {
    it(`${what}: nothing is stored, and cargo sees the signal`, async () => {
      const alice = await pair.one({ ...HELD, ...saying(`"alive: ${what}"`) });
      await alice.cargo(['build', '-p', 'hold']);
      const before = await kept(alice);
      const building = alice.cargo(['build'], { allowFailure: true });
      await die(alice, await held(alice));
      const { code, stderr } = await building;
      expect(code).toBe(101);
      expect(stderr).toContain(seen);
      expect(await kept(alice)).toBe(before);

      await alice.remove('app/abort');
      await alice.write({ 'app/go-here': '' });
      expect(await alice.count(['build'])).toMatchObject(COMPILED);
      expect(await alice.output()).toBe(`alive: ${what}`);
    });
  }
});

describe('an empty output', () => {
  it('is kept where it belongs: the rmeta of a checked program and a checked test', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': `${manifest('app')}[workspace]\n`,
      'app/src/main.rs': 'fn main() {}\n#[test] fn passes() {}\n',
    });
    const check = ['check', '--all-targets'];
    expect((await alice.count(check)).compiled).toBe(2);
    await alice.clean();
    expect(await alice.count(check)).toMatchObject({ compiled: 0, hits: { disk: 2 } });
    expect(await bob.count(check)).toMatchObject({ compiled: 0, hits: { peer: 2 } });
    const deps = join(bob.dir, 'target/debug/deps');
    const { stdout } = await bob.developer.run('ls', [deps]);
    const files = stdout.match(/^libapp-.*\.rmeta$/gm) ?? [];
    expect(files).toHaveLength(2);
    for (const file of files) expect((await stat(join(deps, file))).size).toBe(0);
    expect((await bob.count(check)).units).toBe(0);
  });

  it('is not kept where a linker left nothing of a program', async () => {
    const alice = await pair.one({
      'app/Cargo.toml': `${manifest('app')}[workspace]\n`,
      'app/src/main.rs': 'fn main() {}\n',
      'app/bin/cc': `#!/bin/sh
        /usr/bin/cc "$@" || exit
        while [ $# -gt 0 ]; do
          if [ "$1" = -o ]; then : > "$2"; fi
          shift
        done\n`,
    });
    await chmod(join(alice.dir, 'bin/cc'), 0o755);
    const env = { PATH: `${alice.dir}/bin:${process.env.PATH}` };
    const before = await kept(alice);
    for (const _ of ['once', 'again']) {
      expect(await alice.count(['build'], { env })).toMatchObject(COMPILED);
      expect((await stat(join(alice.dir, 'target/debug/app'))).size).toBe(0);
      await alice.clean();
    }
    expect(await kept(alice)).toBe(before);
    await alice.cargo(['build']);
    expect(await alice.output()).toBe('');
    await alice.clean();
    expect(await alice.count(['build'])).toMatchObject(FROM_DISK);
  });
});
