import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import type { RustcPlan } from '../../src/compilers/plan.js';
import { parseRustc } from '../../src/compilers/rustc/parse.js';
import { canonicalMetadata } from '../../src/keying/canonical.js';
import { type KeyParts, unitKeyOf, unitKeyParts } from '../../src/keying/unitKey.js';
import { hasher, rootsFor } from './support.js';

const ARGV = [
  'rustc',
  '--crate-name=app',
  'src/main.rs',
  '--crate-type=rlib',
  '--emit=dep-info,metadata',
  '--target=x86_64-unknown-linux-gnu',
  '--cfg=one',
  '-Clinker=/usr/bin/one-cc',
  '-lz',
  '-Lnative=/usr/lib/one',
  '--remap-path-prefix=/home/alice/src=/s',
];

const digest = (char: string) => char.repeat(64) as Digest;

const PARTS: KeyParts = {
  toolchain: digest('1'),
  clippy: undefined,
  canonical: undefined,
  externs: [{ name: 'dep', options: '', identity: digest('2') }],
  expands: false,
  macros: [],
  declared: undefined,
  scripted: undefined,
  natives: [],
  closure: [],
  linker: undefined,
  rpath: undefined,
  cpu: undefined,
};

interface Call {
  argv: string[];
  /** The workspace, where the compiler runs. */
  cwd: string;
  env: Record<string, string>;
  parts: Partial<KeyParts>;
  cargoToml: string;
  dependencies: [name: string, canonical: string][];
}

function callOf(changed: Partial<Call>) {
  const none = { argv: ARGV, cwd: '/home/alice/src/ws', env: {}, parts: {}, cargoToml: '' };
  const call: Call = { ...none, dependencies: [], ...changed };
  const parsed = parseRustc(call.argv, call.cwd);
  if (parsed.kind !== 'plan') throw new Error(JSON.stringify(parsed));
  return { ...call, plan: parsed.plan as RustcPlan, pairs: new Map(Object.entries(call.env)) };
}

/** Without `-C metadata`, so that no part of the key stands in a second place. */
function keyOf(changed: Partial<Call>, roots = rootsFor()): Digest {
  const { plan, pairs, cwd, parts, cargoToml } = callOf(changed);
  const files = {
    digest: () => hasher.hash(cargoToml),
    exists: () => false,
    read: () => undefined,
    list: () => undefined,
    realpath: (path: string) => path,
  };
  return unitKeyOf(unitKeyParts(plan, pairs, cwd, roots, { ...PARTS, ...parts }, files), hasher);
}

function metadataOf(changed: Partial<Call>): string {
  const { plan, pairs, dependencies } = callOf(changed);
  return canonicalMetadata(plan, pairs, rootsFor(), dependencies, hasher);
}

/** The call with one word of it replaced. */
function put(from: string, to: string, argv = ARGV): { argv: string[] } {
  expect(argv).toContain(from);
  return { argv: argv.map((word) => (word === from ? to : word)) };
}

const more = (...words: string[]) => ({ argv: [...ARGV, ...words] });

const linked = put('--emit=dep-info,metadata', '--emit=dep-info,link').argv;
const PROGRAM = put('--crate-type=rlib', '--crate-type=bin', linked);
const LINK = { ...PROGRAM, parts: { linker: { id: digest('9'), reads: [] } } };
/** With the libraries of a build script whose directory has that hash. */
const built = (hash: string, argv: string[]) => ({
  argv: [...argv, `-Lnative=/home/alice/src/ws/target/debug/build/z-${hash}/out`],
});
const [ONE_HASH, TWO_HASH] = ['0123456789abcdef', 'fedcba9876543210'];
const CLIPPY = { argv: ['clippy-driver', ...ARGV] };
const dylib = (file: string) =>
  put(
    '--crate-type=rlib',
    '--crate-type=dylib',
    put('--emit=dep-info,metadata', `--emit=dep-info,link=/x/${file}`).argv,
  );
const PLAIN = ARGV.filter((word) => word !== '-lz');
const MACRO = { parts: { expands: true } };

/** Where there is one call only, it differs from the plain one. */
type Calls = [one: Partial<Call>, two?: Partial<Call>];

const OF_BOTH: Record<string, Calls> = {
  'the name of the crate': [put('--crate-name=app', '--crate-name=other')],
  'its types': [put('--crate-type=rlib', '--crate-type=staticlib')],
  '--test': [more('--test')],
  'the target': [put('--target=x86_64-unknown-linux-gnu', '--target=i686-unknown-linux-gnu')],
  'what it emits': [put('--emit=dep-info,metadata', '--emit=dep-info,metadata,link')],
  'the source': [put('src/main.rs', 'src/lib.rs')],
  'a flag': [put('--cfg=one', '--cfg=two')],
  'the order of flags': [more('-O', '-Copt-level=0'), more('-Copt-level=0', '-O')],
};

const OF_KEYS: Record<string, Calls> = {
  'the working directory': [{ cwd: '/home/alice/src/ws/part' }],
  'the name of the linker': [put('-Clinker=/usr/bin/one-cc', '-Clinker=/usr/bin/two-cc')],
  'a library': [put('-lz', '-lm')],
  'the kind of a library': [put('-lz', '-lstatic=z')],
  'where libraries are': [put('-Lnative=/usr/lib/one', '-Lnative=/usr/lib/two')],
  'directory of libraries, for a program': [
    built(ONE_HASH, PROGRAM.argv),
    built(TWO_HASH, PROGRAM.argv),
  ],
  'directory of the library that is named': [built(ONE_HASH, ARGV), built(TWO_HASH, ARGV)],
  'what is there': [put('-Lnative=/usr/lib/one', '-Lframework=/usr/lib/one')],
  'the toolchain': [{ parts: { toolchain: digest('9') } }],
  clippy: [{ parts: { clippy: digest('9') } }],
  'the metadata': [{ parts: { canonical: 'other' } }],
  'what is seen of a dependency': [
    { parts: { externs: [{ name: 'dep', options: '', identity: digest('9') }] } },
  ],
  'what a dependency is called': [
    { parts: { externs: [{ name: 'pet', options: '', identity: digest('2') }] } },
  ],
  'the options of a dependency': [
    { parts: { externs: [{ name: 'dep', options: 'priv', identity: digest('2') }] } },
  ],
  'a macro that a dependency passes on': [{ parts: { macros: [`deep ${digest('9')}`] } }],
  'a static library': [{ parts: { natives: [['/l/libz.a', digest('9')]] } }],
  'what is linked in': [{ parts: { closure: [`deep ${digest('9')}`] } }],
  'the linker': [{ parts: { linker: { id: digest('9'), reads: [] } } }],
  'where an rpath leads from': [{ parts: { rpath: ['/vr/target/debug/deps'] } }],
  'what a project declares': [
    { parts: { declared: { by: '/vr/ws', inputs: { a: digest('9') } } } },
  ],
  'what a build script told cargo of': [{ parts: { scripted: [['/vr/ws/a', digest('9')]] } }],
  'the processor': [{ parts: { cpu: digest('9') } }],
  'a variable that rustc reads': [{ env: { RUSTC_BOOTSTRAP: '1' } }],
  'a variable that rustc reads for some targets': [{ env: { XROS_DEPLOYMENT_TARGET: '2.0' } }],
  'what the compiler logs': [{ env: { RUSTC_LOG_LINES: '1' } }],
  'the sysroot that clippy is told': [CLIPPY, { ...CLIPPY, env: { SYSROOT: '/opt/other' } }],
  'the file of a dylib': [dylib('libone.so'), dylib('libtwo.so')],
  'a variable that linkers read': [LINK, { ...LINK, env: { LD_RUN_PATH: '/a' } }],
  'a variable that the linker script reads': [
    { ...LINK, parts: { linker: { id: digest('9'), reads: ['MY_FLAGS'] } } },
    {
      ...LINK,
      parts: { linker: { id: digest('9'), reads: ['MY_FLAGS'] } },
      env: { MY_FLAGS: '-s' },
    },
  ],
  'a variable that macros may read': [MACRO, { ...MACRO, env: { CARGO_PKG_AUTHORS: 'one' } }],
  'OUT_DIR, which macros may read': [MACRO, { ...MACRO, env: { OUT_DIR: '/a' } }],
  'Cargo.toml, which macros may read': [MACRO, { ...MACRO, cargoToml: '[package]' }],
};

const OF_METADATA: Record<string, Calls> = {
  'the package': [{ env: { CARGO_PKG_NAME: 'one' } }],
  'its version': [{ env: { CARGO_PKG_VERSION: '2.0.0' } }],
  'its place': [{ env: { CARGO_MANIFEST_DIR: '/home/alice/src/ws/part' } }],
  'that clippy runs': [{ argv: ['clippy-driver', ...ARGV] }],
  'the metadata of a dependency': [{ dependencies: [['dep', '1']] }],
};

describe('a call has another key with another', () => {
  for (const [what, [one, two = {}]] of Object.entries({ ...OF_BOTH, ...OF_KEYS })) {
    it(what, () => expect(keyOf(one)).not.toBe(keyOf(two)));
  }

  it('place of a root below the source of a remap', () => {
    const argv = put('src/main.rs', '/elsewhere/main.rs');
    const keys = ['one', 'two'].map((name) =>
      keyOf(argv, rootsFor({ cargoHome: `/home/alice/src/${name}` })),
    );
    expect(keys[0]).not.toBe(keys[1]);
  });
});

describe('a call has the key that it had with another', () => {
  const SAME: Record<string, Calls> = {
    'output directory': [more('--out-dir=/elsewhere')],
    'file name of its outputs': [more('-Cextra-filename=-1')],
    'sysroot that only clippy is told, without it': [{ env: { SYSROOT: '/opt/other' } }],
    'colour of its messages': [more('--color=always')],
    'place of its dependencies': [more('-Ldependency=/elsewhere')],
    'variable that only linkers read, where none runs': [{ env: { LD_RUN_PATH: '/a' } }],
    'variable that only macros could read, where there are none': [
      { env: { CARGO_PKG_AUTHORS: 'one' } },
    ],
    'directory of the libraries of its dependencies': [
      built(ONE_HASH, PLAIN),
      built(TWO_HASH, PLAIN),
    ],
    'setting of cargo': [MACRO, { ...MACRO, env: { CARGO_TERM_COLOR: 'always' } }],
  };
  for (const [what, [one, two = {}]] of Object.entries(SAME)) {
    it(what, () => expect(keyOf(one)).toBe(keyOf(two)));
  }
});

describe('a crate has other metadata with another', () => {
  for (const [what, [one, two = {}]] of Object.entries({ ...OF_BOTH, ...OF_METADATA })) {
    it(what, () => expect(metadataOf(one)).not.toBe(metadataOf(two)));
  }

  it('has not, with dependencies in another order', () => {
    const dependencies: Call['dependencies'] = [
      ['a', '1'],
      ['b', '2'],
    ];
    const turned = { dependencies: dependencies.toReversed() };
    expect(metadataOf({ dependencies })).toBe(metadataOf(turned));
  });
});
