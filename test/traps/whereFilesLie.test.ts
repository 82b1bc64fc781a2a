import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK, printed, rustc, script, tool } from './calls.js';
import { pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

describe('where a file lies', () => {
  it('link/../file is beside what the link leads to', async () => {
    const alice = await pair.one({
      'app/main.rs': 'fn main() { print!("{}", include_str!("link/../text")); }\n',
      'app/text': 'never read',
      'app/other/below/README': '',
    });
    await symlink('other/below', join(alice.dir, 'link'));
    for (const [text, counted] of [
      ['one', COMPILED],
      ['two', COMPILED],
      ['one', FROM_DISK],
    ] as const) {
      await alice.write({ 'app/other/text': text });
      expect((await rustc(alice)).counted).toMatchObject(counted);
      expect(await printed(alice)).toBe(text);
    }
  });

  const moves = [
    { what: 'a link is pointed elsewhere', move: 'ln -sfn new now' },
    { what: 'another directory takes the place of one', move: 'mv now/old gone; mv new now/old' },
  ];
  for (const { what, move } of moves) {
    it(`${what} while the compiler runs: that is not stored`, async () => {
      const alice = await pair.one({
        'app/main.rs': '#[path = "now/old/m.rs"] mod m; fn main() { println!("{}", m::VALUE); }\n',
        'app/before/old/m.rs': 'pub const VALUE: u8 = 1;\n',
      });
      const two = 'pub const VALUE: u8 = 2;\n';
      const isLink = move.startsWith('ln');
      await alice.write({ [isLink ? 'app/new/old/m.rs' : 'app/new/m.rs']: two });
      if (isLink) await symlink('before', join(alice.dir, 'now'));
      else await tool(alice, 'mv', 'before', 'now');
      // By then these are no news to anybody.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const flags = ['-C', 'linker=./cc'];
      const linker = (text: string) =>
        script(alice, 'app/cc', `case "$*" in *rcgu.o*) ${text};; esac\nexec cc "$@"`);
      await linker(`test -e gone || ${isLink ? move : `{ ${move}; }`}`);
      expect(await rustc(alice, flags)).toMatchObject({ code: 0, counted: COMPILED });
      expect(await printed(alice)).toBe('1');
      expect((await rustc(alice, flags)).counted).toMatchObject(COMPILED);
      expect(await printed(alice)).toBe('2');
    });
  }

  it('a file that stands where a directory could is no module', async () => {
    const alice = await pair.one({
      'app/main.rs': 'mod a; fn main() { println!("{}", a::VALUE); }\n',
      'app/a.rs': 'pub const VALUE: u8 = 1;\n',
    });
    expect((await rustc(alice)).counted).toMatchObject(COMPILED);
    await alice.write({ 'app/a': '' });
    expect((await rustc(alice)).counted).toMatchObject({ ...FROM_DISK, errors: {} });
  });

  it('a pipe is read by the compiler alone', async () => {
    const alice = await pair.one({
      'app/main.rs': 'include!("pipe.rs"); fn main() { println!("{X}"); }\n',
    });
    await tool(alice, 'mkfifo', 'pipe.rs');
    for (const value of ['1', '2']) {
      const written = tool(alice, 'sh', '-c', `echo "const X: u8 = ${value};" > pipe.rs`);
      expect((await rustc(alice)).counted).toMatchObject(COMPILED);
      await written;
      expect(await printed(alice)).toBe(value);
    }
  });
});
