import { describe, expect, it } from 'vitest';
import { areShared, isFresh } from './builds.js';
import { COMPILED, FROM_DISK, rustc, tool } from './calls.js';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** The language's own least: no library, not even `core`, has to be there for a target. */
const BARE = `#![feature(no_core, lang_items, rustc_attrs)]
#![no_core]
#![allow(internal_features)]
`;

const LANGUAGE = `${BARE}
#[lang = "pointee_sized"] pub trait PointeeSized {}
#[lang = "meta_sized"] pub trait MetaSized: PointeeSized {}
#[lang = "sized"] pub trait Sized: MetaSized {}
#[lang = "copy"] pub trait Copy: Sized {}
impl Copy for i32 {}
`;

/** Ends with the library's number, without any C library. */
const PROGRAM = `${BARE}#![no_main]
extern crate lib;
#[rustc_builtin_macro] macro_rules! global_asm { () => {} }
global_asm!(".globl _start", "_start: call status", "mov edi, eax", "mov eax, 60", "syscall");
#[no_mangle] pub extern "C" fn status() -> i32 { lib::number() }
`;

const without = (number: number, program: Files): Files => ({
  'app/Cargo.toml': manifest(
    'app',
    '[dependencies]\nlib = { path = "lib" }\n[profile.dev]\npanic = "abort"\n[workspace]\n',
  ),
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': `${LANGUAGE}pub fn number() -> i32 { ${number} }\n`,
  ...program,
});

/** What the module's `number` returns, by the node of whoever runs the tests. */
const RUNS = `const bytes = require('fs').readFileSync(process.argv[1]);
  new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.number()`;

const env = { RUSTC_BOOTSTRAP: '1' };

describe('targets whose standard library is not here', () => {
  it('wasm32-unknown-unknown: libraries are shared', async () => {
    const lib = `${BARE}extern crate lib;\n#[no_mangle] pub extern "C" fn number() -> i32 { lib::number() }\n`;
    const both = await pair.both(without(41, { 'app/src/lib.rs': lib }));
    const args = ['build', '--target', 'wasm32-unknown-unknown'];
    await areShared(both, args, 2, { env });
    // The same sources for this machine are something else.
    await areShared(both, ['build'], 2, { env });
    await isFresh(both.bob, args, { env });
  });

  it('wasm32-unknown-unknown: programs are made anew, since wasm-ld does not say what it read', async () => {
    const more = '[lib]\ncrate-type = ["cdylib"]\n';
    const files = without(42, {
      'app/src/lib.rs': `${BARE}extern crate lib;\n#[no_mangle] pub extern "C" fn number() -> i32 { lib::number() }\n`,
    });
    const { alice, bob } = await pair.both({
      ...files,
      'app/Cargo.toml': files['app/Cargo.toml']!.replace('[dependencies]', `${more}$&`),
    });
    const args = ['build', '--target', 'wasm32-unknown-unknown'];
    const bypassed = { 'linker flavor': 1 };
    expect(await alice.count(args, { env })).toMatchObject({ compiled: 2, bypassed });
    expect(await bob.count(args, { env })).toMatchObject({
      compiled: 1,
      hits: { peer: 1 },
      bypassed,
    });
    for (const project of [alice, bob]) {
      const made = 'target/wasm32-unknown-unknown/debug/app.wasm';
      const { stdout } = await project.developer.run(process.execPath, ['-p', RUNS, made], {
        cwd: project.dir,
      });
      expect(stdout).toBe('42\n');
      await isFresh(project, args, { env });
    }
  });

  it.each([
    ['aarch64-apple-ios', 'IPHONEOS_DEPLOYMENT_TARGET', '15.0', '16.0'],
    ['aarch64-apple-darwin', 'MACOSX_DEPLOYMENT_TARGET', '12.0', '13.0'],
    ['aarch64-apple-tvos', 'TVOS_DEPLOYMENT_TARGET', '15.0', '16.0'],
    ['aarch64-apple-watchos', 'WATCHOS_DEPLOYMENT_TARGET', '26.0', '27.0'],
    ['aarch64-apple-visionos', 'XROS_DEPLOYMENT_TARGET', '1.1', '2.0'],
  ])('%s: a library says for which version it is (%s)', async (target, variable, one, two) => {
    const source = `${LANGUAGE}#[no_mangle] pub extern "C" fn number() -> i32 { 44 }\n`;
    const alice = await pair.one({ 'app/lib.rs': source });
    const made = async (version: string, counted: object) => {
      const options = { source: 'lib.rs', env: { ...env, [variable]: version } };
      const done = await rustc(alice, ['--crate-type', 'lib', '--target', target], options);
      expect(done).toMatchObject({ code: 0, counted });
      return tool(alice, 'sha256sum', 'out/libapp.rlib');
    };
    const first = await made(one, COMPILED);
    expect(await made(two, COMPILED)).not.toBe(first);
    expect(await made(one, FROM_DISK)).toBe(first);
  });

  it('x86_64-unknown-linux-musl: libraries and static programs are shared', async (context) => {
    if (process.arch !== 'x64') context.skip('another processor');
    const both = await pair.both(without(43, { 'app/src/main.rs': PROGRAM }));
    const link = ['-nostartfiles', '-nostdlib'].map((arg) => `-C link-arg=${arg}`);
    const flags = ['-C link-self-contained=no', '-C relocation-model=static', ...link];
    const options = { env: { ...env, RUSTFLAGS: flags.join(' ') } };
    const target = 'x86_64-unknown-linux-musl';
    await areShared(both, ['build', '--target', target], 2, options);
    const { code } = await both.bob.developer.run(`target/${target}/debug/app`, [], {
      cwd: both.bob.dir,
      allowFailure: true,
    });
    expect(code).toBe(43);
  });
});
