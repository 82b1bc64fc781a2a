import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK, kept, printed, rustc, tool } from './calls.js';
import { manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const APP = { 'app/Cargo.toml': `${manifest('app')}[workspace]\n` };

describe('what a compile reads', () => {
  it("a/mod.rs appears beside a.rs: rustc's E0761, not a stale hit", async () => {
    const alice = await pair.one({
      ...APP,
      'app/src/main.rs': 'mod a;\nfn main() { println!("{}", a::NAME); }\n',
      'app/src/a.rs': 'pub const NAME: &str = "a.rs";\n',
    });
    await alice.cargo(['build']);
    await alice.clean();
    expect(await alice.count(['build'])).toMatchObject(FROM_DISK);
    expect(await alice.output()).toBe('a.rs');

    await alice.write({ 'app/src/a/mod.rs': 'pub const NAME: &str = "mod.rs";\n' });
    await alice.clean();
    const both = await alice.cargo(['build'], { allowFailure: true });
    expect(both.code).toBe(101);
    expect(both.stderr).toContain('E0761');

    await alice.remove('app/src/a.rs');
    await alice.clean();
    expect(await alice.count(['build'])).toMatchObject(COMPILED);
    expect(await alice.output()).toBe('mod.rs');
  });

  it('option_env! unset, set, unset again', async () => {
    const { alice, bob } = await pair.both({
      ...APP,
      'app/src/main.rs': 'fn main() { println!("{:?}", option_env!("GREETING")); }\n',
    });
    const greeting = { env: { GREETING: 'hello' } };
    expect(await alice.count(['build'])).toMatchObject(COMPILED);
    expect(await alice.output()).toBe('None');
    expect(await alice.count(['build'], greeting)).toMatchObject(COMPILED);
    expect(await alice.output()).toBe('Some("hello")');
    expect(await alice.count(['build'])).toMatchObject(FROM_DISK);
    expect(await alice.output()).toBe('None');
    // The first of Alice's two was made from an empty state, the second from a warm one.
    expect(await bob.count(['build'])).toMatchObject({ compiled: 0, hits: { peer: 1 } });
    expect(await bob.output()).toBe('None');
    expect(await bob.count(['build'], greeting)).toMatchObject(COMPILED);
    expect(await bob.output()).toBe('Some("hello")');
  });

  it('swapping the bodies of two modules is a miss', async () => {
    const alice = await pair.one({
      'app/main.rs': 'mod a; mod b;\nfn main() { println!("{} {}", a::NAME, b::NAME); }\n',
    });
    const one = 'pub const NAME: &str = "one";\n';
    const two = 'pub const NAME: &str = "two";\n';
    await alice.write({ 'app/a.rs': one, 'app/b.rs': two });
    expect((await rustc(alice)).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('one two');
    await alice.write({ 'app/a.rs': two, 'app/b.rs': one });
    expect((await rustc(alice)).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('two one');
    await alice.write({ 'app/a.rs': one, 'app/b.rs': two });
    expect((await rustc(alice)).counted).toMatchObject(FROM_DISK);
    expect(await printed(alice)).toBe('one two');
  });

  it('source names that differ only in Unicode normalisation stay two files', async () => {
    const composed = 'caf\u00e9.rs';
    const decomposed = 'cafe\u0301.rs';
    const alice = await pair.one({
      'app/main.rs': `#[path = "${composed}"] mod a;\n#[path = "${decomposed}"] mod b;
        fn main() { println!("{} {}", a::NAME, b::NAME); }\n`,
    });
    const one = 'pub const NAME: &str = "one";\n';
    const two = 'pub const NAME: &str = "two";\n';
    for (const [first, second, counted] of [
      [one, two, COMPILED],
      [two, one, COMPILED],
      [one, two, FROM_DISK],
      [one, one, COMPILED],
    ] as const) {
      await alice.write({ [`app/${composed}`]: first, [`app/${decomposed}`]: second });
      expect((await rustc(alice)).counted).toMatchObject(counted);
      expect(await printed(alice)).toBe(`${first} ${second}`.match(/one|two/g)!.join(' '));
    }
  });
});

describe('what a compile reads besides', () => {
  it('a file that only the assembler opens: not cached', async () => {
    const alice = await pair.one({
      'app/main.rs': `
        std::arch::global_asm!(".section .rodata", "word: .incbin \\"word.bin\\"", ".globl word");
        extern "C" { static word: u8; }
        fn main() { println!("{}", unsafe { word }); }\n`,
    });
    const before = await kept(alice);
    for (const word of ['A', 'B', 'A']) {
      await alice.write({ 'app/word.bin': word });
      expect((await rustc(alice)).counted).toMatchObject(COMPILED);
      expect(await printed(alice)).toBe(`${word.charCodeAt(0)}`);
    }
    expect(await kept(alice)).toBe(before);
  });

  it('a variable with a secret name: the result stays on this machine', async () => {
    const { alice, bob } = await pair.both({
      ...APP,
      'app/src/main.rs': 'fn main() { println!("{}", env!("API_TOKEN")); }\n',
    });
    const secret = { env: { API_TOKEN: 'hush', CARGO_INCREMENTAL: '0' } };
    const reason = 'reads a secret variable';
    expect(await alice.count(['build'], secret)).toMatchObject({
      ...COMPILED,
      localOnly: { [reason]: 1 },
    });
    await alice.clean();
    expect(await alice.count(['build'], secret)).toMatchObject(FROM_DISK);
    expect(await bob.count(['build'], secret)).toMatchObject(COMPILED);
    for (const project of [alice, bob]) expect(await project.output()).toBe('hush');
  });
});

describe('a file is saved', () => {
  const main = (text: string) => ({ 'app/main.rs': `fn main() { println!("${text}"); }\n` });

  it('twice within one clock tick: never a stale hit', async () => {
    const alice = await pair.one(main('zero'));
    for (const text of ['one', 'two']) {
      await alice.write(main(text));
      expect(await rustc(alice)).toMatchObject({ code: 0 });
    }
    // One shell, so that as little time as possible lies between a save, a call and the next save.
    await alice.write({
      'app/save.sh': `launcher=$1
        save() { printf 'fn main() { println!("%s"); }\\n' "$1" > main.rs; }
        call() {
          "$launcher" rustc --crate-name app --edition=2021 main.rs --emit=dep-info,link \\
            --out-dir out -C metadata=0123456789abcdef || exit
        }
        for round in $(seq 40); do
          save one; call; save two; call; out/app
        done\n`,
    });
    const launcher = join(alice.developer.bin, 'vrift-rustc');
    expect(await tool(alice, 'sh', 'save.sh', launcher)).toBe('two\n'.repeat(40));
  });

  it('with a time in the future, and again with the same size and the same time', async () => {
    const alice = await pair.one(main('one'));
    const file = join(alice.dir, 'main.rs');
    const future = new Date(Date.now() + 3_600_000);
    for (const text of ['one', 'two', 'one', 'six']) {
      await alice.write(main(text));
      await utimes(file, future, future);
      expect(await rustc(alice)).toMatchObject({ code: 0 });
      expect(await printed(alice)).toBe(text);
    }
  });

  it('with the size and the time that it had before', async () => {
    const alice = await pair.one(main('nul'));
    const file = join(alice.dir, 'main.rs');
    const past = new Date('2020-01-01T00:00:00.123Z');
    for (const text of ['uno', 'dos', 'tri']) {
      await alice.write(main(text));
      await utimes(file, past, past);
      expect((await rustc(alice)).counted).toMatchObject(COMPILED);
      expect(await printed(alice)).toBe(text);
    }
  });
});
