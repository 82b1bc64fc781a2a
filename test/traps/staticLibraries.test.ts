import { describe, expect, it } from 'vitest';
import { printed, rustc, tool } from './calls.js';
import { pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

describe('an rlib that bundles a static library', () => {
  const SOURCE = `#[link(name = "answer", kind = "static")] extern "C" { fn answer() -> i32; }
    pub fn get() -> i32 { unsafe { answer() } }\n`;
  const MAIN = 'fn main() { println!("{}", app::get()); }\n';

  const MISSING = { 'native library': 1 };
  const cases = [
    { what: 'argv names it twice', flags: ['-l', 'static=answer', '-l', 'static=answer'] },
    {
      what: 'argv renames it',
      flags: ['-l', 'static=answer:other'],
      file: 'libother.a',
      bypassed: MISSING,
    },
    { what: 'it is a thin archive', flags: ['-l', 'static=answer'], thin: true, bypassed: MISSING },
    { what: 'only the source names it', flags: [] },
  ];
  for (const { what, flags, file = 'libanswer.a', thin = false, bypassed = {} } of cases) {
    it(`is made anew when the library changes, and ${what}`, async () => {
      const alice = await pair.one({
        'app/lib.rs': SOURCE,
        'app/main.rs': MAIN,
        'app/native/README': '',
      });
      for (const answer of [41, 42, 41]) {
        await alice.write({ 'app/answer.c': `int answer(void) { return ${answer}; }\n` });
        await tool(alice, 'cc', '-c', 'answer.c', '-o', 'native/answer.o');
        await alice.remove(`app/native/${file}`);
        await tool(alice, 'ar', thin ? 'crsT' : 'crs', `native/${file}`, 'native/answer.o');
        const lib = ['--crate-type', 'lib', '-L', 'native=native', ...flags];
        const made = await rustc(alice, lib, { source: 'lib.rs' });
        expect(made.code).toBe(0);
        expect(made.counted.bypassed).toEqual(bypassed);
        const { counted } = await rustc(alice, ['--extern', 'app=out/libapp.rlib']);
        expect(await printed(alice)).toBe(`${answer}`);
        expect(counted.units).toBe(1);
      }
    });
  }
});
