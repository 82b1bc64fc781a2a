import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import { Seclusion } from '../../src/daemon/seclusion.js';
import type { PastOutcome } from '../../src/pipeline/outcomes.js';
import type { Unit } from '../../src/pipeline/prepare.js';
import {
  excludedIn,
  isExcluded,
  isNamedIn,
  mayRelease,
  offMesh,
  offMeshDir,
  offMeshProgram,
  offMeshRun,
} from '../../src/pipeline/privacy.js';

const digest = (name: string) => name as Digest;

interface Made {
  crate?: string;
  package?: string;
  dependencies?: { crate: string; offMesh?: true }[];
  externs?: string[];
  foreign?: string[];
  fetched?: boolean;
}

function unit(made: Made): Unit {
  const records = (made.dependencies ?? []).map((record, at) => [`/t/${at}`, record] as const);
  return {
    plan: {
      crateName: made.crate ?? 'app',
      externs: (made.externs ?? []).map((name) => ({ name, options: '', path: undefined })),
    },
    env: new Map([['CARGO_PKG_NAME', made.package ?? 'app']]),
    closure: { records: new Map(records), foreign: made.foreign ?? [] },
    packageDir: made.fetched ? undefined : '/home/alice/app',
  } as unknown as Unit;
}

describe('a unit is kept off the mesh', () => {
  const exclude = ['secret-*'];
  it.each<[string, Made]>([
    ['its crate is excluded', { crate: 'secret_algo' }],
    ['its package is', { crate: 'build_script_build', package: 'secret-algo' }],
    ['a crate below it is', { dependencies: [{ crate: 'serde' }, { crate: 'secret_algo' }] }],
    ['it calls a crate so', { externs: ['secret_algo'] }],
    [
      'it is compiled against such a file',
      { foreign: ['/t/libsecret_algo-0123456789abcdef.rlib'] },
    ],
  ])('when %s', (_why, made) => {
    expect(offMesh(unit(made), { exclude })).toMatchObject({
      about: expect.stringMatching(/^secret[-_]algo$/),
      spreads: true,
    });
    expect(offMesh(unit(made), { exclude: ['other'] })).toBeUndefined();
    expect(offMesh(unit(made), {})).toBeUndefined();
  });

  it('when its project shares nothing, and so is whatever uses code of that', () => {
    expect(offMesh(unit({}), { share: false })).toEqual({ about: 'share = false', spreads: true });
    expect(offMesh(unit({ fetched: true }), { share: false })?.spreads).toBe(false);
    const dependent = unit({ dependencies: [{ crate: 'ours', offMesh: true }] });
    expect(offMesh(dependent, {})).toEqual({ about: 'ours', spreads: true });
    // What is fetched has a say of its own.
    const own = { share: false, ownShare: false };
    expect(offMesh(unit({ fetched: true }), own)?.spreads).toBe(true);
  });

  it('and a run of its build script is', () => {
    for (const fetched of [true, false]) {
      expect(offMeshRun('secret-algo', { exclude }, fetched)?.spreads).toBe(true);
      expect(offMeshRun('x', { share: false }, fetched)?.spreads).toBe(!fetched);
      expect(offMeshRun('x', { share: false, ownShare: false }, fetched)?.spreads).toBe(true);
      expect(offMeshRun('x', { exclude }, fetched)).toBeUndefined();
    }
  });

  it('when a build script whose run or program nobody saw could hold an excluded name', () => {
    const own = { exclude, packageDir: '/home/alice/app' };
    const known = (isPrivate: boolean) => ({ secret: '', offMesh: isPrivate });
    expect(offMeshDir(own, undefined)?.spreads).toBe(true);
    expect(offMeshDir(own, known(false))).toBeUndefined();
    expect(offMeshDir({ ...own, exclude: [] }, undefined)).toBeUndefined();
    expect(offMeshDir({ exclude: [], packageDir: undefined }, known(true))?.spreads).toBe(false);
    expect(offMeshDir({ exclude, packageDir: undefined }, known(true))?.spreads).toBe(true);
    expect(offMeshProgram({ exclude }, undefined)).toBeDefined();
    expect(offMeshProgram({ exclude }, false)).toBeUndefined();
    expect(offMeshProgram({ exclude: [] }, undefined)).toBeUndefined();
    expect(offMeshProgram({ exclude: [] }, true)).toBeDefined();
  });

  it('and what was withheld of it stays so while any name is excluded', () => {
    const about = { about: 'x', spreads: true };
    expect(mayRelease({ offMesh: undefined, exclude: [] })).toBe(true);
    expect(mayRelease({ offMesh: undefined, exclude })).toBe(false);
    expect(mayRelease({ offMesh: about, exclude: [] })).toBe(false);
  });
});

it('names are the same with dashes and underscores', () => {
  for (const pattern of ['my-crate', 'my_crate', 'my?crate', 'm*e']) {
    for (const name of ['my-crate', 'my_crate']) expect(isExcluded(name, [pattern])).toBe(true);
  }
  expect(isExcluded('my-crate-2', ['my-crate'])).toBe(false);
});

it('finds an excluded name wherever a peer could read it', () => {
  const exclude = ['secret-*'];
  for (const text of [
    '/vr/ws/crates/secret-algo/src/lib.rs',
    'dependency secret_algo',
    'secret-algo 1.2.3',
    './libsecret_algo-0123456789abcdef.rmeta',
    '--extern=priv:secret_algo',
    'cargo:rerun-if-changed=../secret-algo/x',
  ]) {
    expect(excludedIn(['/vr/ws/src/main.rs', text], exclude), text).toMatch(/^secret[-_]algo/);
  }
  expect(excludedIn(['/vr/ws/not-secret-algo/src/lib.rs', 'secret'], exclude)).toBeUndefined();
});

it('finds it in messages, whatever they are coloured and wrapped with', () => {
  const nothing = { schema: 1 as const, inputs: [], env: [], absent: [], listed: [] };
  const manifest = { ...nothing, observed: [], bound: [] };
  const named = (text: string) => isNamedIn(manifest, [text], ['secret-*']);
  for (const before of ['`', ' ', '\u001b[1m', '\\u001b[38;5;9m', '\\n', '\\t', '/']) {
    expect([before, named(`{"rendered":"a${before}secret_algo: unused"}`)]).toEqual([before, true]);
  }
  expect(named('not-secret-algo')).toBe(false);
  const reads = { ...manifest, absent: ['/vr/ws/secret-algo/x'] };
  expect(isNamedIn(reads, [], ['secret-*'])).toBe(true);
  expect(isNamedIn(reads, ['secret-algo'], [])).toBe(false);
});

describe('what was stored before', () => {
  const past = (key: string, ...named: [string, string][]): PastOutcome => ({
    key: digest(key),
    at: 1,
    outcome: 'miss',
    from: 'stored',
    local: [],
    facts: { words: [], named },
  });

  function store() {
    const withheld = new Set<string>();
    const row = (key: string, crateName: string, input = './src/lib.rs') => {
      const nothing = { env: [], absent: [], listed: [], observed: [], bound: [] };
      const inputs: [string, Digest][] = [[input, digest('x')]];
      const manifest = { schema: 1 as const, ...nothing, inputs };
      return { unitKey: digest(key), crateName, manifest };
    };
    const rows = [
      row('1', 'secret_algo'),
      undefined,
      row('2', 'build script of secret-algo'),
      row('3', 'app'),
      row('4', 'build_script_build'),
      row('8', 'notes', '/vr/ws/notes/src/secret-words.txt'),
    ];
    const table = new Map<string, PastOutcome[]>([
      ['/vr/ws/secret-algo|build_script_build||bin|debug', [past('4')]],
      [
        '/vr/ws|app||bin|debug',
        [past('5', ['package', 'app 1']), past('6', ['dependency secret_algo', 'x'])],
      ],
      ['/vr/ws|other||bin|debug', [past('7', ['dependency serde', 'x'])]],
    ]);
    const seclusion = new Seclusion(
      { shareable: () => rows, withhold: (key) => withheld.add(key) },
      { entries: () => table.entries(), put: (name, value) => table.set(name, value) },
    );
    const told = () =>
      [...table.values()]
        .flat()
        .filter((one) => !one.withheld)
        .map(({ key }) => key);
    return { seclusion, withheld, told };
  }

  it('of excluded crates is kept here from then on, and of what names them', async () => {
    const { seclusion, withheld, told } = store();
    seclusion.add(undefined, ['secret-*']);
    await settled();
    expect([...withheld].sort()).toEqual(['1', '2', '4', '6', '8']);
    expect(told()).toEqual(['5', '7']);
    await seclusion.stop();
  });

  it('of a project that shares nothing is, by the names of its crates', async () => {
    const { seclusion, withheld, told } = store();
    seclusion.add('build_script_build', []);
    await settled();
    expect([...withheld]).toEqual([]);
    seclusion.add('app', []);
    await settled();
    expect([...withheld].sort()).toEqual(['3', '5', '6']);
    expect(told()).toEqual(['4', '7']);
    await seclusion.stop();
  });

  it('is looked for anew where some of it was shared since, and only that', async () => {
    const { seclusion, withheld } = store();
    seclusion.add('secret_algo', []);
    seclusion.add('app', []);
    await settled();
    seclusion.published('app');
    withheld.clear();
    seclusion.add('another', []);
    await settled();
    // `app` alone was shared again.
    expect([...withheld]).toEqual(['1']);
    seclusion.add('app', []);
    await settled();
    expect(withheld).toContain('3');
    await seclusion.stop();
  });

  it('is looked for anew by a pattern as well', async () => {
    const { seclusion, withheld } = store();
    const patterns = ['secret-*', 'other'];
    for (const about of ['', 'app', 'secret_algo']) {
      withheld.clear();
      if (about !== '') seclusion.published(about);
      seclusion.add(undefined, patterns);
      await settled();
      expect([about, withheld.has('1')]).toEqual([about, about !== 'app']);
    }
    await seclusion.stop();
  });

  const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
});
