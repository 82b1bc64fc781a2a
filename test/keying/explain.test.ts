import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedManifests } from '../../src/keying/compareManifests.js';
import { changedFacts, nearest } from '../../src/keying/explain.js';
import { factsOf, publicFacts } from '../../src/keying/facts.js';
import { openHasher } from '../../src/store/hashing.js';

const hasher = await openHasher();
const digest = (char: string) => char.repeat(64);

const ABOUT = { compiler: 'rustc 1', package: 'app 1', dependencies: [] };
const facts = (parts: Record<string, unknown>) => factsOf(parts, ABOUT, hasher);

describe('what changed between two keys', () => {
  it('names the flag, the variable and the dependency, in that order', () => {
    const before = facts({
      closure: [`x ${digest('5')}`, `y ${digest('6')}`],
      externs: [
        { name: 'a', options: '', identity: digest('1') },
        { name: 'b', options: '', identity: digest('2') },
      ],
      env: { RUSTC_BOOTSTRAP: '1' },
      arguments: ['--edition=2021', '-C opt-level=0'],
      canonical: 'c1',
    });
    const after = facts({
      closure: [`y ${digest('6')}`, `x ${digest('7')}`],
      externs: [
        { name: 'b', options: '', identity: digest('3') },
        { name: 'a', options: '', identity: digest('1') },
      ],
      env: {},
      arguments: ['--edition=2021', '--cfg=feature="f"', '-C opt-level=3'],
      canonical: 'c2',
    });
    expect(changedFacts(before, after)).toEqual([
      { input: 'flag --cfg', before: 'none', after: 'feature="f"' },
      { input: 'flag -C opt-level', before: '0', after: '3' },
      { input: 'dependency b', before: digest('2'), after: digest('3') },
      { input: 'linked x', before: digest('5'), after: digest('7') },
      { input: 'variable RUSTC_BOOTSTRAP', before: hasher.hash('1'), after: 'none' },
    ]);
  });

  it('says that only the order of flags differs', () => {
    const [change] = changedFacts(
      facts({ arguments: ['-O=', '-C opt-level=0'] }),
      facts({ arguments: ['-C opt-level=0', '-O='] }),
    );
    expect(change?.input).toBe('order of flags');
  });

  it('is nothing exactly when nothing differs', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), fc.array(fc.string()), (env, words) => {
        const parts = { env, arguments: words };
        expect(changedFacts(facts(parts), facts(structuredClone(parts)))).toEqual([]);
        const more = { ...parts, arguments: [...words, '-C one=more'] };
        expect(changedFacts(facts(parts), facts(more))).toEqual([
          { input: 'flag -C one', before: 'none', after: 'more' },
        ]);
      }),
    );
  });

  it('takes the earlier result that differs least', () => {
    const one = { facts: facts({ source: 'a', arguments: ['-C x=1'] }) };
    const two = { facts: facts({ source: 'a', arguments: ['-C x=2', '-C y=2'] }) };
    const found = nearest([two, one], facts({ source: 'b', arguments: ['-C x=1'] }));
    expect(found).toMatchObject({ candidate: one, changes: [{ input: 'source' }] });
  });
});

describe('what peers are told of a key', () => {
  it('holds no value of a variable, and nothing of one whose name looks secret', () => {
    const made = facts({
      env: { RUSTC_BOOTSTRAP: 'a value' },
      cargoEnv: { CARGO_PKG_NAME: 'a value', CARGO_API_TOKEN: 'a value' },
    });
    const told = publicFacts(made);
    expect(JSON.stringify(made)).not.toContain('a value');
    expect(told.named.map(([input]) => input)).toEqual([
      'compiler',
      'package',
      'variable RUSTC_BOOTSTRAP',
      'variable CARGO_PKG_NAME',
    ]);
  });

  it('is bounded: what is longer stands as a digest', () => {
    const long = 'x'.repeat(5_000);
    const made = facts({ source: long, arguments: [`-C link-arg=${long}`], env: { [long]: '' } });
    const texts = [...made.words, ...made.named.flat()];
    expect(texts.filter((text) => text.length > 512)).toEqual([]);
  });
});

describe('what two compiles of one key read differently', () => {
  it('is told by their manifests alone', () => {
    const empty = {
      schema: 1 as const,
      inputs: [],
      env: [],
      listed: [],
      observed: [],
      absent: [],
      bound: [],
    };
    const theirs = {
      ...empty,
      inputs: [['/vr/ws/a.rs', hasher.hash('1')]] as [string, ReturnType<typeof hasher.hash>][],
      absent: ['/vr/ws/b.rs'],
      bound: [['/vr/ws', hasher.hash('/theirs')]] as [string, ReturnType<typeof hasher.hash>][],
    };
    const ours = {
      ...theirs,
      inputs: [['/vr/ws/a.rs', hasher.hash('2')]] as typeof theirs.inputs,
      env: [['X', null]] as [string, null][],
      absent: [],
    };
    expect(changedManifests(theirs, ours).map((change) => Object.values(change))).toEqual([
      ['file /vr/ws/a.rs', hasher.hash('1'), hasher.hash('2')],
      ['variable X', 'not read', 'unset'],
      ['file /vr/ws/b.rs', 'none', 'not looked for'],
    ]);
    expect(changedManifests(theirs, theirs)).toEqual([]);
  });
});
