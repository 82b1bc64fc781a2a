import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WhyInfo } from '../../src/wire/control.js';
import { Developer } from '../harness/developer.js';
import { printed, rustc } from './calls.js';
import { manifest, Project, pairOfDevelopers, UNWATCHED } from './support.js';

/** What a macro reads unseen makes results that differ. */
const pair = pairOfDevelopers(UNWATCHED);

const VERIFY = { env: { VRIFT_VERIFY: '1' } };

/** A macro whose words are `body`'s, and a program that prints them. */
const macro = (body: string) => ({
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nmac = { path = "mac" }\n[workspace]\n`,
  'app/src/main.rs': 'fn main() { println!("{}", mac::word!()); }\n',
  'app/mac/Cargo.toml': `${manifest('mac')}[lib]\nproc-macro = true\n`,
  'app/mac/src/lib.rs': `
    #[proc_macro]
    pub fn word(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
      ${body}
      format!("{:?}", text.trim()).parse().unwrap()
    }
  `,
});

/** It reads a file behind everybody's back: the documented limit of any key. */
const SECRETIVE = {
  ...macro(`
    let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let text = std::fs::read_to_string(format!("{dir}/word.txt")).unwrap();
  `),
  'app/word.txt': 'marmot\n',
};

/** Never the same twice. */
const VARYING = macro(`
  let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
  let text = now.as_nanos().to_string();
`);

interface Report {
  unit: string;
  earlier: number;
  files: string[];
  differing: { what: string; damaged: boolean; cached: string; compiled: string }[];
  from: string;
  peer: string | null;
  signers: string[];
  argv: string[];
  compiler: string;
  result: { unitKey: string };
}

/** What the self-checks of this developer's node put aside, oldest first. */
function reports({ vriftHome }: Developer): (Report & { folder: string })[] {
  const dir = join(vriftHome, 'log', 'differences');
  const names = readdirSync(dir).sort();
  return names.map((name) => {
    const folder = join(dir, name);
    return { folder, ...JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) };
  });
}

const why = async (project: Project, unit: string) =>
  (await project.developer.vriftJson<WhyInfo[]>(['why', unit]))[0];

describe('VRIFT_VERIFY=1', () => {
  it('finds a result that is not what the compiler makes now, and puts the new one in its place', async () => {
    const project = await pair.one(SECRETIVE);
    await project.cargo(['build']);
    await project.write({ 'app/word.txt': 'badger\n' });
    await project.clean();
    expect(await project.count(['build'])).toMatchObject({ compiled: 0 });
    expect(await project.output()).toBe('marmot');

    await project.clean();
    const checked = await project.count(['build'], VERIFY);
    expect(checked.errors).toEqual({ VRIFT_VERIFY_DIFFERS: 1 });
    expect(checked.checks).toEqual({ done: 2, differed: 1, skipped: 0 });
    expect(await project.output()).toBe('badger');
    expect((await why(project, 'app'))?.from).toBe('differs');
    expect((await why(project, 'mac'))?.from).toBe('checked');

    await project.clean();
    expect(await project.count(['build'])).toMatchObject({ compiled: 0, hits: { disk: 2 } });
    expect(await project.output()).toBe('badger');
  });

  it('keeps both files and a report of everything that a maintainer asks for', async () => {
    const [report] = reports(pair.alice).filter(({ unit }) => unit === 'app');
    expect(report).toMatchObject({
      crateType: 'bin',
      earlier: 0,
      differing: [{ what: 'bin', damaged: false }],
      from: 'disk',
      peer: null,
      files: ['bin.cached', 'bin.compiled'],
      compiler: expect.stringMatching(/^rustc 1\./),
      argv: expect.arrayContaining(['--crate-name']),
    });
    const both = report!.files.map((name) => readFileSync(join(report!.folder, name)));
    expect(both.map((bytes) => bytes.includes('marmot'))).toEqual([true, false]);
    expect(both.map((bytes) => bytes.includes('badger'))).toEqual([false, true]);
    expect(statSync(report!.folder).mode & 0o077).toBe(0);
    const log = await pair.alice.vrift(['log']);
    expect(log.stdout).toContain(`kept in ${report!.folder}`);
  });

  it('finds a stored file that was changed behind its size and time', async () => {
    const project = await pair.one({ 'app/main.rs': 'fn main() { println!("undamaged"); }\n' });
    await rustc(project);
    const store = join(pair.alice.vriftHome, 'l2', 'cas');
    const blobs = readdirSync(store, { recursive: true, encoding: 'utf8' }).map((name) =>
      join(store, name),
    );
    const blob = blobs.find((path) => {
      return statSync(path).isFile() && readFileSync(path).includes('undamaged');
    })!;
    const { atime, mtime, mtimeNs } = { ...statSync(blob), ...statSync(blob, { bigint: true }) };
    const bytes = readFileSync(blob);
    bytes.write('mangled!!', bytes.indexOf('undamaged'));
    writeFileSync(blob, bytes);
    utimesSync(blob, atime, mtime);
    await pair.alice.run('touch', ['-d', `@${nsText(mtimeNs)}`, blob]);
    await project.remove('app/out');
    expect((await rustc(project)).counted.hits.disk).toBe(1);
    expect(await printed(project)).toBe('mangled!!');

    await project.remove('app/out');
    const { counted } = await rustc(project, [], VERIFY);
    expect(counted.errors).toEqual({ VRIFT_VERIFY_DIFFERS: 1, VRIFT_STORE_CORRUPT: 1 });
    expect(await printed(project)).toBe('undamaged');
    expect(reports(pair.alice).at(-1)?.differing).toMatchObject([{ what: 'bin', damaged: true }]);
    await project.remove('app/out');
    expect((await rustc(project)).counted).toMatchObject({ compiled: 0, hits: { disk: 1 } });
    expect(await printed(project)).toBe('undamaged');
  });

  it('checks what a peer compiled, and says who', async () => {
    const { alice, bob } = await pair.both(SECRETIVE);
    await alice.cargo(['build']);
    await bob.write({ 'app/word.txt': 'other\n' });
    const checked = await bob.count(['build'], VERIFY);
    expect(checked.checks).toEqual({ done: 2, differed: 1, skipped: 0 });
    expect(await bob.output()).toBe('other');
    const { node } = await pair.alice.status();
    expect(reports(pair.bob).at(-1)).toMatchObject({ from: 'peer', peer: node, signers: [node] });
    await bob.clean();
    expect(await bob.count(['build'])).toMatchObject({ compiled: 0, hits: { disk: 2, peer: 0 } });
    expect(await bob.output()).toBe('other');
  });

  it('says of a unit that varies by itself that it differed before', async () => {
    const project = await pair.one(VARYING);
    await project.cargo(['build']);
    for (const earlier of [0, 1]) {
      await project.clean();
      const checked = await project.count(['build'], VERIFY);
      expect(checked.checks).toEqual({ done: 2, differed: 1, skipped: 0 });
      expect(reports(pair.alice).at(-1)).toMatchObject({ unit: 'app', earlier });
    }
    const { stdout } = await pair.alice.vrift(['stats']);
    expect(stdout).toMatch(/checked +2 \(1 differed\)/);
  });

  it('finds that what the cache has does not compile', async () => {
    const project = await pair.one({
      ...macro(
        'let text = if std::path::Path::new("/tmp/vrift-none").exists() { "a" } else { "b" };',
      ),
      ...SECRETIVE,
    });
    await project.cargo(['build']);
    await project.remove('app/word.txt');
    await project.clean();
    await pair.alice.resetStats();
    const failed = await project.cargo(['build'], { ...VERIFY, allowFailure: true });
    expect(failed.code).toBe(101);
    const { checks, errors } = await pair.alice.stats();
    expect({ checks, errors }).toMatchObject({
      checks: { done: 2, differed: 1 },
      errors: { VRIFT_VERIFY_DIFFERS: 1 },
    });
    expect(reports(pair.alice).at(-1)?.differing).toMatchObject([{ what: 'success' }]);
  });

  it('restores what cannot be compared: another incremental state makes other files', async () => {
    const project = await pair.one({ 'app/main.rs': 'fn main() { println!("plain"); }\n' });
    await rustc(project);
    await project.remove('app/out');
    const flags = ['-C', 'incremental=state'];
    const { counted } = await rustc(project, flags, VERIFY);
    expect(counted).toMatchObject({ compiled: 0, hits: { disk: 1 } });
    expect(counted.checks).toEqual({ done: 0, differed: 0, skipped: 1 });
  });
});

describe('a node that checks some of its hits by itself', () => {
  const developers: Developer[] = [];
  beforeAll(async () => {
    for (const [name, rate] of [
      ['all', '1'],
      ['none', '0.0'],
    ] as const) {
      const config = `[l2_cache]\nverify = ${rate}\n`;
      const developer = await Developer.create(name, { workspace: 'bound', config });
      developers.push(developer);
      await developer.start();
    }
  });
  afterAll(() => Promise.all(developers.map((developer) => developer.dispose())));

  it.each([
    ['all', 0, { compiled: 1, hits: { disk: 0 }, checks: { done: 1, differed: 0, skipped: 0 } }],
    ['none', 1, { compiled: 0, hits: { disk: 1 }, checks: { done: 0, differed: 0, skipped: 0 } }],
  ] as const)('checks %s', async (_which, index, expected) => {
    const project = new Project(developers[index]!, join(developers[index]!.root, 'p'));
    await project.write({ 'app/main.rs': 'fn main() { println!("sampled"); }\n' });
    await rustc(project);
    await project.remove('app/out');
    const { counted } = await rustc(project);
    expect(counted).toMatchObject({ ...expected, errors: {} });
    expect(await printed(project)).toBe('sampled');
  });
});

describe('checking the sample workspace', () => {
  let alice: Developer | undefined;
  beforeAll(async () => {
    alice = await Developer.create('alice');
    await alice.start();
  });
  afterAll(() => alice?.dispose());

  it.each([
    ['debug', ['build', '--workspace'], { CARGO_INCREMENTAL: '0' }],
    ['incremental', ['build', '--workspace', '--tests'], { CARGO_INCREMENTAL: '1' }],
    ['release', ['build', '--workspace', '--release'], {}],
    ['check', ['check', '--workspace'], {}],
  ] as const)(
    'finds no difference: %s',
    async (_profile, args, env) => {
      const node = alice!;
      await node.cargo(args, { env });
      await node.clean();
      await node.resetStats();
      await node.cargo(args, { env: { ...env, ...VERIFY.env } });
      const { checks, errors, hits, compiled, localOnly } = await node.stats();
      expect({ errors, differed: checks.differed, localOnly }).toEqual({
        errors: {},
        differed: 0,
        localOnly: {},
      });
      expect(checks.done).toBe(compiled);
      expect(checks.done).toBeGreaterThan(10);
      expect(checks.skipped).toBe(hits.disk);
      if (args[0] === 'build') expect(hits.disk).toBeLessThan(checks.done);
    },
    TWO_BUILDS_MS,
  );
});

/** Both compile everything. */
const TWO_BUILDS_MS = 300_000;

/** Seconds with nine places, as `touch` takes them. */
function nsText(ns: bigint): string {
  return `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, '0')}`;
}
