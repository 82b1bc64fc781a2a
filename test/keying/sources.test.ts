import { describe, expect, it } from 'vitest';
import { parseDepInfo } from '../../src/keying/depInfo.js';
import { isIncludeOnly } from '../../src/keying/includeOnly.js';
import { parseLinkInputs } from '../../src/keying/linkInputs.js';
import { holdsPath } from '../../src/keying/scan.js';

const INCLUDE = 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));';

describe('a variable used to name included files', () => {
  it.each([
    [INCLUDE],
    ['const T: &str = include_str!(concat!(env!("OUT_DIR"), "/a", "/b.txt"));'],
    ['include!(concat!(env!("OUT_DIR"), "\\\\version.expr"));'],
    ['include!( concat! ( env!( "OUT_DIR" ) , "/gen.rs" ) );'],
    ['static B: &[u8] = include_bytes!(core::concat!(core::env!("OUT_DIR"), "/x"));'],
    ['include!(env!("OUT_DIR"));'],
    [`${INCLUDE} macro_rules! bin { ($n:literal) => { env!(concat!("CARGO_BIN_EXE_", $n)) } }`],
  ])('is proven for %s', (source) => {
    expect(isIncludeOnly('OUT_DIR', [source])).toBe(true);
  });

  it.each([
    ['const D: &str = env!("OUT_DIR");'],
    [`${INCLUDE} const D: &str = env!("OUT_DIR");`],
    [`${INCLUDE} const D: usize = env!(concat!("OUT", "_DIR")).len();`],
    [`${INCLUDE} macro_rules! e { ($n:literal) => { env!($n) } }`],
    [`${INCLUDE} const D: usize = env /* */ ! (concat!("OUT", "_DIR")).len();`],
    [`${INCLUDE} macro_rules! e { ($n:literal) => { env!(concat!("OUT_", $n)) } }`],
    [`${INCLUDE} use std::env as get; const D: usize = get!(concat!("OUT", "_DIR")).len();`],
    [`${INCLUDE} const D: usize = env!(concat!("\\x4fUT", "_DIR")).len();`],
    ['include!(env!("OUT_DIR", "must be set"));'],
    ['fn main() {}'],
    ['include!(concat!(env!("OUT_DIR"), suffix!()));'],
    ['const P: &str = concat!(env!("OUT_DIR"), "/x");'],
  ])('is not proven for %s', (source) => {
    expect(isIncludeOnly('OUT_DIR', [source])).toBe(false);
  });
});

it('a name between a thousand comments takes no time', () => {
  const source = `${INCLUDE} env ${'/* */'.repeat(1_000)} x`;
  expect(isIncludeOnly('OUT_DIR', [source])).toBe(true);
});

describe('dep-info', () => {
  it('lists prerequisites and variables, spaces and all', () => {
    const text = [
      '/t/deps/app-1.d: src/main.rs src/a\\ b.rs /t/build/x/out/g.rs',
      '',
      '/t/deps/app-1: src/main.rs src/a\\ b.rs /t/build/x/out/g.rs',
      '',
      'src/main.rs:',
      '',
      '# env-dep:FOO',
      '# env-dep:BAR=1=2',
    ].join('\n');
    expect(parseDepInfo(text)).toEqual({
      inputs: ['src/main.rs', 'src/a b.rs', '/t/build/x/out/g.rs'],
      env: ['FOO', 'BAR'],
    });
  });

  it('keeps a dollar sign and a hash as rustc writes them', () => {
    expect(parseDepInfo('x.d: src/a$$b#c.rs').inputs).toEqual(['src/a$$b#c.rs']);
  });
});

describe("the linker's dependency file", () => {
  it('lists what was read, escapes undone', () => {
    const text =
      '/t/app: \\\n /usr/lib/crt1.o \\\n /t/a\\ b.rlib \\\n /t/c$$d.o\n\n/usr/lib/crt1.o:\n';
    expect(parseLinkInputs(text)).toEqual(['/usr/lib/crt1.o', '/t/a b.rlib', '/t/c$d.o']);
  });
});

describe('a path in bytes', () => {
  const bytes = (text: string) => Buffer.from(text, 'latin1');

  it('is found whatever string follows it in the program', () => {
    expect(holdsPath(bytes('xx/home/alice/wsunsafe precondition'), ['/home/alice/ws'])).toBe(
      '/home/alice/ws',
    );
    expect(holdsPath(bytes('gluedtoit/home/alice/ws/src'), ['/home/alice/ws'])).toBeDefined();
    expect(holdsPath(bytes('/home/bob/ws'), ['/home/alice/ws'])).toBeUndefined();
  });

  it('of one component is not found in a relative path', () => {
    expect(holdsPath(bytes('./src/lib.rs'), ['/src'])).toBeUndefined();
    expect(holdsPath(bytes('\0/src/lib.rs'), ['/src'])).toBe('/src');
  });
});
