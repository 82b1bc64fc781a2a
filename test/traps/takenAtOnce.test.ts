import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isSound, oneDeveloper, passes } from './alone.js';
import { builds } from './builds.js';
import { COMPILED, FROM_DISK, kept, printed, rustc, tool } from './calls.js';
import { answers, type Passing, Relay } from './relay.js';
import type { Project } from './support.js';

const here = oneDeveloper();

afterEach(() => here.alice.endNode());

const hasRun = (frame: Passing) => 'kind' in frame && frame.kind === 'ran';

/** A program that takes a while to store, and prints its word. */
async function large() {
  await here.alice.start();
  const project = await here.project();
  return project.write({
    'app/main.rs': `
      static LARGE: [u8; 48 << 20] = [7; 48 << 20];
      fn main() { println!("${project.word}"); std::hint::black_box(&LARGE); }
    `,
  });
}

describe('what a compile made', () => {
  it('is removed at once by whoever called: it is stored all the same', async () => {
    const project = await large();
    {
      await using relay = await Relay.before(here.alice);
      relay.once(answers('kept'), () => {
        rmSync(join(project.dir, 'out'), { recursive: true });
        return 'whole';
      });
      const env = { CARGO_PRIMARY_PACKAGE: '1' };
      expect((await rustc(project, [], { env })).counted).toMatchObject(COMPILED);
      expect((await rustc(project, [], { env })).counted).toMatchObject(FROM_DISK);
    }
    expect(await printed(project)).toMatch(/^word/);
  });

  it('and what it was linked from go at once with the target directory: it is stored', async () => {
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    // Both are compiled anew, from a warm state, and what is linked was made just now.
    const words = `pub fn word() -> &'static str { "${project.word}" }\npub fn more() {}\n`;
    await project.write({ 'app/lib/src/lib.rs': words });
    {
      await using relay = await Relay.before(alice);
      let gone = false;
      relay.once(answers('kept'), () => {
        rmSync(join(project.dir, 'target'), { recursive: true });
        gone = true;
        return 'whole';
      });
      await expect(project.cargo(['build'])).rejects.toThrow();
      expect(gone).toBe(true);
      await builds(project, ['build'], { disk: 2 });
      await passes(project);
    }
    alice.endNode();
  });

  it('is written into while it is stored, by strip or the like: it is not kept', async () => {
    const project = await large();
    const before = await kept(project);
    {
      await using relay = await Relay.before(here.alice);
      relay.once(hasRun, () => {
        appendFileSync(join(project.dir, 'out/app'), 'of somebody else');
        return 'whole';
      });
      expect((await rustc(project)).counted).toMatchObject(COMPILED);
      expect(await kept(project)).toBe(before);
    }
    here.alice.endNode();
    await here.alice.start();
    expect((await rustc(project)).counted).toMatchObject(COMPILED);
    expect((await rustc(project)).counted).toMatchObject(FROM_DISK);
    expect(readFileSync(join(project.dir, 'out/app')).includes('of somebody else')).toBe(false);
    expect(await printed(project)).toMatch(/^word/);
  });
});

/** Does something in the very moment in which the caller is let go; the node begins anew then. */
async function atLetGo(act: () => void, work: () => Promise<unknown>): Promise<void> {
  {
    await using relay = await Relay.before(here.alice);
    let done = false;
    relay.once(answers('kept'), () => {
      act();
      done = true;
      return 'whole';
    });
    await work();
    expect(done).toBe(true);
    // What is left to be stored is stored before the relay goes.
    await here.alice.stats();
  }
  here.alice.endNode();
  await here.alice.start();
}

describe('what the caller does as soon as it goes on', () => {
  const env = { CARGO_PRIMARY_PACKAGE: '1' };

  it('removing a file that a link argument named: the next one with that name counts', async () => {
    await here.alice.start();
    const project = await here.project();
    await project.write({
      'app/main.rs': `
        static LARGE: [u8; 48 << 20] = [7; 48 << 20];
        #[no_mangle] pub extern "C" fn first() -> u8 { LARGE[std::hint::black_box(3)] }
        #[no_mangle] pub extern "C" fn second() {} // ${project.word}
      `,
      'app/keep.txt': 'first\n',
    });
    const named = '-Wl,--retain-symbols-file=keep.txt';
    const flags = [
      '--crate-type',
      'cdylib',
      '-C',
      'link-arg=-fuse-ld=bfd',
      '-C',
      `link-arg=${named}`,
    ];
    const symbols = async () =>
      [...(await tool(project, 'nm', 'out/libapp.so')).matchAll(/ [tT] (first|second)$/gm)].map(
        ([, name]) => name,
      );
    await atLetGo(
      () => rmSync(join(project.dir, 'keep.txt')),
      () => rustc(project, flags, { env }),
    );
    expect(await symbols()).toEqual(['first']);
    await project.write({ 'app/keep.txt': 'second\n' });
    expect((await rustc(project, flags, { env })).counted).toMatchObject(COMPILED);
    expect(await symbols()).toEqual(['second']);
  });

  it.each([
    ['program', []],
    ['library', ['--crate-type', 'lib', '--emit=metadata']],
  ])(
    'a second file for `mod a;` beside the first: the %s is not served as if it were not there',
    async (_, more) => {
      await here.alice.start();
      const project = await here.project();
      await project.write({
        'app/main.rs': `mod a; pub fn main() { a::f(); println!("${project.word}"); }\n`,
        'app/a.rs': 'pub fn f() {}\n',
      });
      const add = () => {
        mkdirSync(join(project.dir, 'a'));
        writeFileSync(join(project.dir, 'a/mod.rs'), 'pub fn f() {}\n');
      };
      await atLetGo(add, () => rustc(project, more, { env }));
      const both = await rustc(project, more, { env });
      expect(both.code).not.toBe(0);
      expect(both.stderr).toContain('E0761');
      await project.remove('app/a/mod.rs');
      expect((await rustc(project, more, { env })).code).toBe(0);
    },
  );
});

describe('sources that are written in the moment before the compiler starts', () => {
  const run = (project: Project, before: string, after = '') => ({
    launcher: [
      '/bin/sh',
      '-c',
      `${before}; "$@"; code=$?; ${after} exit $code`,
      'sh',
      join(project.developer.bin, 'vrift-rustc'),
    ],
  });

  it('as by cargo, which unpacks and compiles at once, are no reason to compile again', async () => {
    await here.alice.start();
    for (let round = 0; round < 3; round += 1) {
      const project = await here.project();
      const write = `mkdir -p a; echo 'mod a; fn main() { println!("{}", a::word()); }' > main.rs
        echo 'pub fn word() -> &str { "${project.word}" }' | sed "s/&str/\\&'static str/" > a/mod.rs`;
      expect((await rustc(project, [], run(project, write))).counted).toMatchObject(COMPILED);
      expect((await rustc(project)).counted).toMatchObject(FROM_DISK);
      expect(await printed(project)).toBe(project.word);
    }
  });

  it('and again while it runs, are not what the result is stored for', async () => {
    await here.alice.start();
    const project = await here.project();
    const text = (word: string) => `fn main() { println!("${word}"); }`;
    const write = `echo '${text('one')}' > main.rs; (sleep 0.05; echo '${text('two')}' > main.rs) &`;
    await rustc(project, [], run(project, write.replace(/ &$/, ' & :'), 'wait;'));
    for (const word of ['two', 'one', 'two']) {
      await project.write({ 'app/main.rs': `${text(word)}\n` });
      await rustc(project);
      expect(await printed(project)).toBe(word);
    }
  });
});

describe('where a restore puts its files', () => {
  it('links that lead elsewhere are replaced, and nothing is written through them', async () => {
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    const elsewhere = join(project.parent, 'elsewhere');
    writeFileSync(elsewhere, 'as it was');
    const placed: string[] = [];
    {
      await using relay = await Relay.before(alice);
      const hook = (frame: Passing) => {
        if (!('act' in frame) || frame.act !== 'hit') throw new Error('no hit');
        for (const { to } of frame.ops) {
          rmSync(to, { force: true });
          symlinkSync(elsewhere, to);
          placed.push(to);
        }
        relay.once(answers('hit'), hook);
        return 'whole' as const;
      };
      relay.once(answers('hit'), hook);
      await builds(project, ['build'], { disk: 2 });
    }
    expect(placed.length).toBeGreaterThan(3);
    for (const path of placed) {
      expect(path.startsWith(join(project.dir, 'target/'))).toBe(true);
      expect(lstatSync(path).isFile()).toBe(true);
    }
    expect(readFileSync(elsewhere, 'utf8')).toBe('as it was');
    alice.endNode();
    await alice.start();
    await passes(project);
    await isSound(alice);
  });
});
