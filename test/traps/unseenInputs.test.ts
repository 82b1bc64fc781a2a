import { describe, expect, it } from 'vitest';
import { printed, rustc, tool } from './calls.js';
import { type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const LIB = ['--crate-type', 'lib'];
const WITH = ['--extern', 'app=out/libapp.rlib', '-L', 'dependency=out'];

describe('a file that the assembler reads', () => {
  const MAIN = `extern "C" { static payload: u8; }
    fn main() { println!("{}", unsafe { payload as char }); }\n`;
  const PAYLOAD = '.section .rodata\n.globl payload\npayload: ';
  const cases = [
    { how: 'by .incbin in an included file', text: `${PAYLOAD}.incbin "data.bin"\n` },
    { how: 'by .include in an included file', text: `${PAYLOAD}.include "data.s"\n` },
    { how: 'by .INCBIN in an included file', text: `${PAYLOAD}.INCBIN "data.bin"\n` },
    { how: 'by .Include behind tabs', text: `${PAYLOAD}\n\t.Include\t\t"data.s"\n` },
    { how: 'by .include without a blank', text: `${PAYLOAD}\n.include"data.s"\n` },
  ];

  async function followsTheFile(alice: Project, call: () => Promise<unknown>): Promise<void> {
    for (const letter of ['A', 'B', 'A']) {
      await alice.write({ 'app/data.bin': letter, 'app/data.s': `.ascii "${letter}"\n` });
      await call();
      expect(await printed(alice)).toBe(letter);
    }
  }

  for (const { how, text } of cases) {
    it(`${how} changes: a new program`, async () => {
      const alice = await pair.one({
        'app/main.rs': `core::arch::global_asm!(include_str!("boot.s"));\n${MAIN}`,
        'app/boot.s': text,
      });
      await followsTheFile(alice, () => rustc(alice));
    });
  }

  // As literals of Rust have it.
  const directives = {
    '.incbin': { file: 'data.bin', opens: '"payload: .incbin \\""', closes: '"\\""' },
    '.INCBIN': { file: 'data.bin', opens: '"payload: .INCBIN \\""', closes: '"\\""' },
    '.include': { file: 'data.s', opens: '"payload: .include \\""', closes: '"\\""' },
    '.include and a tab': { file: 'data.s', opens: '"payload: .include\\t\\""', closes: '"\\""' },
    '.include, raw': { file: 'data.s', opens: 'r#"payload: .include  ""#', closes: 'r#"""#' },
    '.include apart from its string': {
      file: 'data.s',
      opens: '"payload: .include ", "\\""',
      closes: '"\\""',
    },
  };
  for (const [directive, { file, opens, closes }] of Object.entries(directives)) {
    it(`by ${directive} of another crate's macro changes: a new program for its user`, async () => {
      const alice = await pair.one({
        'app/lib.rs': `#[macro_export] macro_rules! embed { ($path:literal) => {
          core::arch::global_asm!(
            ".section .rodata", ".globl payload", concat!(${opens}, $path, ${closes}));
        } }\n`,
        'app/main.rs': `app::embed!("${file}");\n${MAIN}`,
      });
      expect(await rustc(alice, LIB, { source: 'lib.rs' })).toMatchObject({ code: 0 });
      await followsTheFile(alice, () => rustc(alice, WITH));
    });
  }
});

describe('a static library that no flag names', () => {
  const USER = 'pub fn get() -> i32 { unsafe { answer() } }\n';
  const LINK = '#[link(name = "answer", kind = "static")] extern "C" { fn answer() -> i32; }';
  const cases = [
    { what: "another crate's macro links it", dep: LINK, lib: `dep::link_it!();\n${USER}` },
    { what: 'it is a thin archive', dep: '', lib: `${LINK}\n${USER}`, thin: true },
  ];
  for (const { what, dep, lib, thin = false } of cases) {
    it(`changes, and ${what}: a new library`, async () => {
      const alice = await pair.one({
        'app/dep.rs': `#[macro_export] macro_rules! link_it { () => { ${dep} } }\n`,
        'app/lib.rs': lib,
        'app/main.rs': 'fn main() { println!("{}", app::get()); }\n',
        'app/native/README': '',
      });
      await rustc(alice, LIB, { source: 'dep.rs', crate: 'dep' });
      const flags = [...LIB, '-L', 'native=native', '--extern', 'dep=out/libdep.rlib'];
      for (const answer of [41, 42]) {
        await alice.write({ 'app/answer.c': `int answer(void) { return ${answer}; }\n` });
        await tool(alice, 'cc', '-c', 'answer.c', '-o', 'native/answer.o');
        await alice.remove('app/native/libanswer.a');
        await tool(alice, 'ar', thin ? 'crsTD' : 'crs', 'native/libanswer.a', 'native/answer.o');
        expect(await rustc(alice, flags, { source: 'lib.rs' })).toMatchObject({ code: 0 });
        expect(await rustc(alice, WITH)).toMatchObject({ code: 0 });
        expect(await printed(alice)).toBe(`${answer}`);
      }
    });
  }

  it('is named by another file than the library: each file is a key', async () => {
    const alice = await pair.one({
      'app/lib.rs': `#[link(name = "answer")] extern "C" { fn answer() -> i32; }\n${USER}`,
      'app/main.rs': 'fn main() { println!("{}", app::get()); }\n',
      'app/native/README': '',
    });
    for (const [file, answer] of [
      ['answer', 1],
      ['two', 2],
      ['three', 3],
    ] as const) {
      await alice.write({ 'app/answer.c': `int answer(void) { return ${answer}; }\n` });
      await tool(alice, 'cc', '-c', 'answer.c', '-o', 'native/answer.o');
      await tool(alice, 'ar', 'crs', `native/lib${file}.a`, 'native/answer.o');
    }
    for (const [file, answer] of Object.entries({ two: '2', three: '3' })) {
      const flags = [...LIB, '-L', 'native=native', '-l', `static=answer:${file}`];
      expect(await rustc(alice, flags, { source: 'lib.rs' })).toMatchObject({ code: 0 });
      await rustc(alice, WITH);
      expect(await printed(alice)).toBe(answer);
    }
  });
});

it('a crate that -L finds changes: whoever uses it is compiled anew', async () => {
  const alice = await pair.one({
    'app/lib.rs': 'extern crate dep; pub fn get() -> i32 { dep::VALUE }\n',
    'app/main.rs': 'fn main() { println!("{}", app::get()); }\n',
  });
  for (const value of [41, 42]) {
    await alice.write({ 'app/found/dep.rs': `pub const VALUE: i32 = ${value};\n` });
    const words = ['--crate-type', 'lib', 'found/dep.rs', '--out-dir', 'found'];
    await tool(alice, 'rustc', ...words);
    const search = ['-L', 'found'];
    expect(await rustc(alice, [...LIB, ...search], { source: 'lib.rs' })).toMatchObject({
      code: 0,
    });
    expect(await rustc(alice, [...WITH, ...search])).toMatchObject({ code: 0 });
    expect(await printed(alice)).toBe(`${value}`);
  }
});
