import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK, printed, rustc, tool } from './calls.js';
import { pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const MAIN = { 'app/main.rs': 'fn main() { println!("hello"); }\n' };

describe('the place and name of an output', () => {
  it('is in a dylib, whose SONAME it is', async () => {
    const alice = await pair.one({ 'app/lib.rs': 'pub fn get() -> i32 { 7 }\n' });
    const dylib = ['--crate-type', 'dylib', '-C', 'prefer-dynamic'];
    for (const name of ['-one', '-two']) {
      await rustc(alice, [...dylib, '-C', `extra-filename=${name}`], { source: 'lib.rs' });
      const said = await tool(alice, 'readelf', '-d', `out/libapp${name}.so`);
      expect(/SONAME.*\[(.*)\]/.exec(said)?.[1]).toBe(`libapp${name}.so`);
    }
  });

  it('is in a dylib whose file --emit names', async () => {
    const alice = await pair.one({ 'app/lib.rs': 'pub fn get() -> i32 { 8 }\n' });
    const dylib = ['--crate-type', 'dylib', '-C', 'prefer-dynamic'];
    for (const [name, counted] of [
      ['one', COMPILED],
      ['two', COMPILED],
      ['one', FROM_DISK],
    ] as const) {
      const file = `out/lib${name}.so`;
      const emit = `--emit=link=${join(alice.dir, file)}`;
      const done = await rustc(alice, [...dylib, emit], { source: 'lib.rs' });
      expect(done).toMatchObject({ code: 0, counted });
      const said = await tool(alice, 'readelf', '-d', file);
      expect(/SONAME.*\[(.*)\]/.exec(said)?.[1]).toBe(`lib${name}.so`);
    }
  });

  it('decides what -C rpath says, also where --emit names it', async () => {
    const alice = await pair.one({ ...MAIN, 'app/far/away/README': '' });
    for (const place of ['out/one', 'far/away/two']) {
      const emit = `--emit=link=${join(alice.dir, place)}`;
      await rustc(alice, ['-C', 'rpath', '-C', 'prefer-dynamic', emit]);
      expect(await printed(alice, place)).toBe('hello');
    }
  });

  it('decides what -C rpath says, so that the program finds its libraries', async () => {
    const alice = await pair.one(MAIN);
    const flags = ['-C', 'rpath', '-C', 'prefer-dynamic'];
    for (const outDir of ['out', 'far/away/from/here']) {
      expect((await rustc(alice, flags, { outDir })).counted).toMatchObject(COMPILED);
      expect((await rustc(alice, flags, { outDir })).counted).toMatchObject(FROM_DISK);
      expect(await printed(alice, `${outDir}/app`)).toBe('hello');
    }
  });

  it('stands in the .d file as the caller wrote it', async () => {
    const alice = await pair.one(MAIN);
    await rustc(alice);
    const first = await alice.read('app/out/app.d');
    expect(first).toMatch(/^out\/app: main\.rs$/m);
    expect((await rustc(alice, [], { outDir: 'other' })).counted).toMatchObject(FROM_DISK);
    expect(await alice.read('app/other/app.d')).toBe(first.replaceAll('out/', 'other/'));
  });

  it('split-debuginfo=packed puts its file beside any linked output, where there is something', async () => {
    const alice = await pair.one({
      ...MAIN,
      'app/lib.rs': '#[no_mangle] pub extern "C" fn get() -> i32 { 7 }\n',
    });
    const cases = [
      { flags: ['-g', '--crate-type', 'cdylib'], source: 'lib.rs', file: 'libapp.so.dwp' },
      { flags: ['-g'], source: 'main.rs', file: 'app.dwp' },
      { flags: [], source: 'main.rs', file: undefined },
    ];
    for (const { flags, source, file } of cases) {
      for (const counted of [COMPILED, FROM_DISK]) {
        await alice.remove('app/out');
        const packed = [...flags, '-C', 'split-debuginfo=packed'];
        expect((await rustc(alice, packed, { source })).counted).toMatchObject(counted);
        const made = await readdir(join(alice.dir, 'out'));
        expect(made.find((name) => name.endsWith('.dwp'))).toBe(file);
      }
    }
  });
});
