import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Parsed, RustcPlan } from '../../src/compilers/plan.js';
import { outputsOf } from '../../src/compilers/rustc/outputs.js';
import { parseRustc } from '../../src/compilers/rustc/parse.js';

const LIBRARY = [
  '/tools/bin/rustc',
  '--crate-name',
  'serde',
  '--edition=2021',
  '/reg/serde-1.0.0/src/lib.rs',
  '--error-format=json',
  '--json=diagnostic-rendered-ansi,artifacts,future-incompat',
  '--crate-type',
  'lib',
  '--emit=dep-info,metadata,link',
  '-C',
  'embed-bitcode=no',
  '-C',
  'debuginfo=2',
  '-C',
  'metadata=0123456789abcdef',
  '-C',
  'extra-filename=-fedcba9876543210',
  '--out-dir',
  '/ws/target/debug/deps',
  '-L',
  'dependency=/ws/target/debug/deps',
  '--extern',
  'itoa=/ws/target/debug/deps/libitoa-1111111111111111.rmeta',
  '--cap-lints',
  'allow',
];

function planOf(argv: string[], cwd = '/ws'): RustcPlan {
  const parsed = parseRustc(argv, cwd);
  if (parsed.kind !== 'plan') throw new Error(`no plan: ${JSON.stringify(parsed)}`);
  return parsed.plan;
}

const values = (plan: RustcPlan) => plan.arguments.map(({ flag, value }) => [flag, value]);

const reasonOf = (parsed: Parsed) => (parsed.kind === 'bypass' ? parsed.reason : parsed.kind);

describe('the rustc command line', () => {
  it('has no source that the node could look at where that is a descriptor', () => {
    for (const source of ['/dev/stdin', '/dev/fd/63', '/proc/self/fd/0']) {
      const argv = LIBRARY.map((word) => (word.endsWith('lib.rs') ? source : word));
      expect(reasonOf(parseRustc(argv, '/ws'))).toBe('no source');
    }
    const inMemory = LIBRARY.map((word) => (word.endsWith('lib.rs') ? '/dev/shm/ws/lib.rs' : word));
    expect(reasonOf(parseRustc(inMemory, '/ws'))).toBe('plan');
  });

  it('gives the plan of a library as cargo asks for it', () => {
    const plan = planOf(LIBRARY);
    expect(plan).toMatchObject({
      crateName: 'serde',
      crateTypes: ['rlib'],
      extraFilename: '-fedcba9876543210',
      metadata: '0123456789abcdef',
      links: false,
      optimised: false,
      opaque: false,
      artifactMessages: true,
    });
    const named = outputsOf(plan, 'x86_64-unknown-linux-gnu');
    expect('outputs' in named && named.outputs.map(({ path }) => path)).toEqual([
      '/ws/target/debug/deps/libserde-fedcba9876543210.rmeta',
      '/ws/target/debug/deps/libserde-fedcba9876543210.rlib',
      '/ws/target/debug/deps/serde-fedcba9876543210.d',
    ]);
  });

  it.each([
    [['--target', 'thing.json'], 'target specification file'],
    [['-Z', 'self-profile'], 'unstable flag'],
    [['-Zself_profile=x'], 'unstable flag'],
    [['--json=timings'], 'unstable flag'],
    [['--sysroot', '/x'], 'unknown flag'],
    [['--frobnicate'], 'unknown flag'],
    [['-C', 'frobnicate=1'], 'unknown flag'],
    [['-Cprofile-use=/x.profdata'], 'profiling data'],
    [['-C', 'save-temps'], 'save temps'],
    [['-o', 'x'], 'output file option'],
    [['@args'], 'response file'],
    [['--emit=asm'], 'emit kind'],
    [['second.rs'], 'no source'],
    [['-C', 'metadata=ffff'], 'unknown flag'],
  ])('bypasses %j and says why', (more, reason) => {
    expect(reasonOf(parseRustc([...LIBRARY, ...more], '/ws'))).toBe(reason);
  });

  it.each([[['-vV']], [['-V']], [['--print', 'cfg']], [['-', '--crate-name', '___']]])(
    'takes %j for a probe',
    (words) => {
      expect(reasonOf(parseRustc(['rustc', ...words], '/ws'))).toBe('probe');
    },
  );

  it('knows clippy-driver and no other workspace wrapper', () => {
    expect(planOf(['/t/bin/clippy-driver', ...LIBRARY]).clippy).toBe('/t/bin/clippy-driver');
    expect(reasonOf(parseRustc(['/t/bin/other', ...LIBRARY], '/ws'))).toBe('workspace wrapper');
    expect(reasonOf(parseRustc(['/usr/bin/cc', '-c', 'x.c'], '/ws'))).toBe('not a compiler');
  });

  it('lets the last of -O and -C opt-level decide', () => {
    expect(planOf([...LIBRARY, '-O', '-C', 'opt-level=0']).optimised).toBe(false);
    expect(planOf([...LIBRARY, '-C', 'opt-level=0', '-O']).optimised).toBe(true);
    expect(planOf([...LIBRARY, '-Copt-level=s']).optimised).toBe(true);
  });

  it('reads --flag value and --flag=value alike', () => {
    const joined = planOf(LIBRARY.map((word) => word));
    const at = LIBRARY.indexOf('--edition=2021');
    const split = planOf(LIBRARY.toSpliced(at, 1, '--edition', '2021'));
    expect(values(split)).toEqual(values(joined));
  });

  it('links programs only where the linker can say what it read', () => {
    const program = LIBRARY.map((word) => (word === 'lib' ? 'bin' : word));
    expect(outputsOf(planOf(program), 'x86_64-unknown-linux-gnu')).toHaveProperty('outputs');
    expect(outputsOf(planOf(program), 'x86_64-pc-windows-msvc')).toHaveProperty(
      'reason',
      'linker flavor',
    );
    const direct = planOf([...program, '-C', 'linker=/x/rust-lld']);
    expect(outputsOf(direct, 'x86_64-unknown-linux-gnu')).toHaveProperty('reason', 'linker flavor');
  });

  it('keeps every word of what it understood, in order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(LIBRARY.slice(5), { minLength: 0 }), (words) => {
        const parsed = parseRustc([...LIBRARY.slice(0, 5), ...words], '/ws');
        if (parsed.kind !== 'plan') return;
        const spelt = parsed.plan.arguments.flatMap((argument) => argument.words);
        expect(spelt).toEqual([...LIBRARY.slice(1, 5), ...words]);
      }),
    );
  });

  it('answers any words without throwing', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        expect(['plan', 'probe', 'bypass']).toContain(parseRustc(['rustc', ...words], '/ws').kind);
      }),
    );
  });
});
