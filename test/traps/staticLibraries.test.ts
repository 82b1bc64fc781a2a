import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK, printed, rustc, tool } from './calls.js';
import { type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const FUNCTION = `extern "C" { fn answer() -> i32; }
  pub fn get() -> i32 { unsafe { answer() } }\n`;
const NAMED = `#[link(name = "answer", kind = "static")] ${FUNCTION}`;
const VERBATIM = `#[link(name = "answer.lib", kind = "static", modifiers = "+verbatim")] ${FUNCTION}`;
const ODD = VERBATIM.replace('answer.lib', 'answer');
const MAIN = 'fn main() { println!("{}", app::get()); }\n';
const BYPASSED = { compiled: 1, bypassed: { 'native library': 1 } };

/** The archive `path`, whose function gives that answer. */
async function archive(project: Project, path: string, answer: number, how = 'crs') {
  await project.write({ 'app/answer.c': `int answer(void) { return ${answer}; }\n` });
  const object = path.replace(/[^/]+$/, 'answer.o');
  await tool(project, 'cc', '-c', 'answer.c', '-o', object);
  await project.remove(`app/${path}`);
  await tool(project, 'ar', how, path, object);
}

/** Compiles the library, and a program with it that gives that answer. */
async function expectAnswer(project: Project, flags: string[], answer: number, counted: object) {
  const lib = ['--crate-type', 'lib', ...flags];
  const compiled = await rustc(project, lib, { source: 'lib.rs' });
  expect(compiled).toMatchObject({ code: 0, counted });
  await rustc(project, ['--extern', 'app=out/libapp.rlib']);
  expect(await printed(project)).toBe(`${answer}`);
}

describe('an rlib that bundles a static library', () => {
  const cases = [
    { what: 'argv names it twice', flags: ['-l', 'static=answer', '-l', 'static=answer'] },
    { what: 'argv renames it', flags: ['-l', 'static=answer:other'], file: 'libother.a' },
    { what: 'it is a thin archive', flags: ['-l', 'static=answer'], how: 'crsT', bypassed: true },
    { what: 'only argv names it', flags: ['-l', 'static=answer'], source: FUNCTION },
    { what: 'only the source names it', flags: [] },
    { what: 'only the source names its file', flags: [], source: VERBATIM, file: 'answer.lib' },
    { what: 'its file has no extension', flags: [], source: ODD, file: 'answer' },
  ];
  for (const { what, flags, bypassed, ...kind } of cases) {
    const { file = 'libanswer.a', how = 'crs', source = NAMED } = kind;
    it(`is made anew when the library changes, and ${what}`, async () => {
      const alice = await pair.one({
        'app/lib.rs': source,
        'app/main.rs': MAIN,
        'app/native/README': '',
      });
      for (const [answer, counted] of [
        [41, COMPILED],
        [42, COMPILED],
        [41, FROM_DISK],
      ] as const) {
        await archive(alice, `native/${file}`, answer, how);
        const searched = ['-L', 'native=native', ...flags];
        await expectAnswer(alice, searched, answer, bypassed ? BYPASSED : counted);
      }
    });
  }

  it('is made anew when another appears where one is searched before', async () => {
    const alice = await pair.one({
      'app/lib.rs': FUNCTION,
      'app/main.rs': MAIN,
      'app/early/README': '',
      'app/late/README': '',
    });
    const flags = ['-L', 'native=early', '-L', 'native=late', '-l', 'static=answer'];
    await archive(alice, 'late/libanswer.a', 41);
    await expectAnswer(alice, flags, 41, COMPILED);
    await archive(alice, 'early/libanswer.a', 42);
    await expectAnswer(alice, flags, 42, COMPILED);
    await alice.remove('app/early/libanswer.a');
    await expectAnswer(alice, flags, 41, FROM_DISK);
  });
});
