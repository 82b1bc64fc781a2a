import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WhyInfo } from '../../src/wire/control.js';
import { Developer } from '../harness/developer.js';
import type { RunOptions } from '../harness/programs.js';
import { builds } from './builds.js';
import { vendor } from './fetched.js';
import { HELD, held } from './held.js';
import { type Files, manifest, Project, pairOfDevelopers, UNWATCHED } from './support.js';

const pair = pairOfDevelopers();

/** `reads!("path")` is what stands there when it expands, and tells nobody that it looked. */
const READS: Files = {
  'Cargo.toml': manifest('reads', '[lib]\nproc-macro = true\n'),
  'src/lib.rs': `use std::{env, fs, path::{Path, PathBuf}};
    #[proc_macro]
    pub fn reads(path: proc_macro::TokenStream) -> proc_macro::TokenStream {
      let path = path.to_string();
      let dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
      format!("{:?}", seen(&dir.join(path.trim_matches('"')))).parse().unwrap()
    }
    fn seen(path: &Path) -> String {
      if !path.is_dir() { return fs::read_to_string(path).unwrap_or("none".into()); }
      let mut paths: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect();
      paths.sort();
      let each = |p: &PathBuf| format!("{}={}", p.file_name().unwrap().to_str().unwrap(), seen(p));
      paths.iter().map(each).collect::<Vec<_>>().join(" ")
    }\n`,
};

const below = (dir: string, files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`${dir}/${path}`, text]));

const velo = (...extraInputs: string[]): Files => ({
  'app/velo.toml': `[l2_cache]\nextra_inputs = ${JSON.stringify(extraInputs)}\n`,
});

let programs = 0;

/** A program that prints what its macro saw: two units, and no other test has either. */
function app(path: string): Files {
  programs += 1;
  return {
    'app/Cargo.toml': manifest('app', '[dependencies]\nreads = { path = "reads" }\n[workspace]\n'),
    'app/src/main.rs': `// ${programs}\nfn main() { println!("{}", reads::reads!("${path}")); }\n`,
    ...below('app/reads', READS),
    'app/reads/src/lib.rs': `// ${programs}\n${READS['src/lib.rs']}`,
  };
}

/** Everything anew: cargo itself does not see a file that only a macro reads. */
async function prints(
  project: Project,
  text: string,
  expected: Parameters<typeof builds>[2],
  options: RunOptions = {},
): Promise<void> {
  await project.clean();
  await builds(project, ['build'], expected, options);
  expect(await project.output()).toBe(text);
}

const why = async (project: Project, unit = 'app') =>
  (await project.developer.vriftJson<WhyInfo[]>(['why', unit]))[0]!;

const changed = async (project: Project) => (await why(project)).diff.map(({ input }) => input);

const SCHEMA = 'app/data/schema.json';

describe('extra_inputs', () => {
  it('names a file: it is created, edited and deleted, and shared in every state', async () => {
    const { alice, bob } = await pair.both({
      ...app('data/schema.json'),
      ...velo('data/schema.json'),
    });
    await prints(alice, 'none', { compiled: 2 });
    for (const text of ['one', 'two']) {
      await alice.write({ [SCHEMA]: text });
      await prints(alice, text, { compiled: 1, disk: 1 });
      expect(await changed(alice)).toEqual(['extra_inputs.data/schema.json']);
    }
    await alice.remove(SCHEMA);
    await prints(alice, 'none', { disk: 2 });

    await prints(bob, 'none', { peer: 2 });
    await bob.write({ [SCHEMA]: 'two' });
    await prints(bob, 'two', { peer: 1, disk: 1 });
    await bob.write({ [SCHEMA]: 'three' });
    await prints(bob, 'three', { compiled: 1, disk: 1 });
  });

  it('names a directory: a new file in it is a miss, deep down as well', async () => {
    const { alice, bob } = await pair.both({
      ...app('migrations'),
      ...velo('migrations/'),
      'app/migrations/1.sql': 'a',
    });
    await prints(alice, '1.sql=a', { compiled: 2 });
    await alice.write({ 'app/migrations/2.sql': 'b' });
    await prints(alice, '1.sql=a 2.sql=b', { compiled: 1, disk: 1 });
    expect(await changed(alice)).toEqual(['extra_inputs.migrations/2.sql']);
    await alice.write({ 'app/migrations/more/.3': 'c' });
    await prints(alice, '1.sql=a 2.sql=b more=.3=c', { compiled: 1, disk: 1 });
    await alice.remove('app/migrations/more/.3');
    await prints(alice, '1.sql=a 2.sql=b more=', { compiled: 1, disk: 1 });
    await alice.remove('app/migrations/more');
    await prints(alice, '1.sql=a 2.sql=b', { disk: 2 });

    await prints(bob, '1.sql=a', { peer: 2 });
    await bob.write({ 'app/migrations/2.sql': 'b' });
    await prints(bob, '1.sql=a 2.sql=b', { peer: 1, disk: 1 });
  });

  it('holds a pattern: what fits counts, and nothing in target or in a repository', async () => {
    const { alice, bob } = await pair.both({
      ...app('sql'),
      ...velo('**/*.sql'),
      'app/sql/a.sql': '1',
    });
    await prints(alice, 'a.sql=1', { compiled: 2 });
    await alice.write({ 'app/.git/x.sql': '', 'app/target/x.sql': '', 'app/notes.txt': '' });
    await alice.cargo(['build']);
    await alice.write({ 'app/target/y.sql': '' });
    await alice.remove('app/target/debug');
    await builds(alice, ['build'], { disk: 2 });
    await alice.write({ 'app/sql/deep/b.sql': '2' });
    await prints(alice, 'a.sql=1 deep=b.sql=2', { compiled: 1, disk: 1 });
    expect(await changed(alice)).toEqual(['extra_inputs.sql/deep/b.sql']);

    await bob.write({ 'app/sql/deep/b.sql': '2' });
    await prints(bob, 'a.sql=1 deep=b.sql=2', { peer: 2 });
  });

  it('counts for a macro that another crate exports, not for fetched crates', async () => {
    const alice = await pair.one({
      ...velo('schema.json'),
      'app/Cargo.toml': manifest('app', '[dependencies]\nfacade = "0.1"\n[workspace]\n'),
      'app/src/main.rs': 'fn main() { println!("{}", facade::reads!("schema.json")); }\n',
    });
    // Where some CI systems have it: velo.toml stands above the fetched crates as well.
    const cargoHome = join(alice.dir, '.cargo-home');
    const env = { CARGO_HOME: cargoHome };
    const crates = {
      reads: READS,
      facade: {
        'Cargo.toml': manifest('facade', '[dependencies]\nreads = "0.1"\n'),
        'src/lib.rs': 'pub use reads::reads;\npub const OWN: &str = reads::reads!("Cargo.toml");\n',
      },
    };
    await vendor(alice.developer, crates, cargoHome);
    await prints(alice, 'none', { compiled: 3 }, { env });
    await alice.write({ 'app/schema.json': 'one' });
    await prints(alice, 'one', { compiled: 1, disk: 2 }, { env });
    expect(await why(alice)).toMatchObject({ macros: ['reads'], declared: ['schema.json'] });
    expect(await why(alice, 'facade')).toMatchObject({ macros: ['reads'], declared: [] });
  });

  it('covers what a build script watches for its macro, and prints the same as before', async () => {
    const alice = await pair.one({
      ...app('schema.json'),
      ...velo('schema.json'),
      'app/build.rs': 'fn main() { println!("cargo:rerun-if-changed=schema.json"); }\n',
      'app/schema.json': 'one',
    });
    for (const text of ['one', 'two', 'three']) {
      await alice.write({ 'app/schema.json': text });
      await alice.cargo(['build']);
      expect(await alice.output()).toBe(text);
    }
  });

  it('is another list: what was compiled under the old one is not taken', async () => {
    const alice = await pair.one({ ...app('schema.json'), 'app/schema.json': 'one' });
    await prints(alice, 'one', { compiled: 2 });
    await alice.write({ ...velo('schema.json'), 'app/schema.json': 'two' });
    await prints(alice, 'two', { compiled: 1, disk: 1 });
    await alice.write(velo('schema.*'));
    await prints(alice, 'two', { compiled: 1, disk: 1 });
    expect(await changed(alice)).toEqual(['declaredBy']);
  });

  it('that cannot be told for certain: compiled each time, and counted', async () => {
    const alice = await pair.one({
      ...app('schema.json'),
      ...velo('data'),
      'app/schema.json': 'x',
    });
    await mkdir(join(alice.dir, 'data'));
    await alice.developer.run('sh', ['-c', "touch data/$(printf '\\377')"], { cwd: alice.dir });
    for (const text of ['one', 'two']) {
      await alice.write({ 'app/schema.json': text });
      await alice.clean();
      const { bypassed } = await alice.count(['build']);
      expect(bypassed).toEqual({ 'extra inputs': 1 });
      expect(await alice.output()).toBe(text);
    }
  });
});

describe('a file that a macro reads where nobody watches', () => {
  let alone: Developer;
  beforeAll(async () => {
    alone = await Developer.create('alice', { workspace: 'bound', config: UNWATCHED });
    await alone.start();
  });
  afterAll(() => alone.dispose());

  it('is not seen when nobody declares it: the documented limit, and `vrift why` says so', async () => {
    const alice = new Project(alone, join(alone.root, 'src', 'p'));
    await alice.write({ ...app('schema.json'), 'app/schema.json': 'one' });
    await prints(alice, 'one', { compiled: 2 });
    await alice.write({ 'app/schema.json': 'two' });
    await prints(alice, 'one', { disk: 2 });

    expect(await why(alice)).toMatchObject({ outcome: 'hit', macros: ['reads'], declared: [] });
    expect(await why(alice, 'reads')).toMatchObject({ macros: [], declared: [] });
    const text = async (unit: string) => (await alice.developer.vrift(['why', unit])).stdout;
    expect(await text('app')).toContain('what reads read without telling cargo is not seen');
    expect(await text('reads')).not.toContain('not seen');
    await alice.write(velo('schema.json'));
    await prints(alice, 'two', { compiled: 1, disk: 1 });
    expect(await text('app')).toContain('but for extra_inputs: schema.json');
  });

  it('declared, saved while the compiler runs, and taken back: the result is not stored', async () => {
    const alice = new Project(alone, join(alone.root, 'src', 'held'));
    await alice.write({
      ...HELD,
      ...below('app/reads', READS),
      ...velo('schema.json'),
      'app/Cargo.toml': manifest(
        'app',
        '[dependencies]\nhold = { path = "hold" }\nreads = { path = "reads" }\n[workspace]\n',
      ),
      'app/src/main.rs': `hold::hold!(before);
        const SEEN: &str = reads::reads!("schema.json");
        hold::hold!(after);
        fn main() { println!("{SEEN}"); }\n`,
      'app/schema.json': 'early',
    });
    const building = alice.cargo(['build']);
    await held(alice, 'before');
    await alice.write({ 'app/schema.json': 'later', 'app/go-before': '' });
    await held(alice, 'after');
    await alice.write({ 'app/schema.json': 'early', 'app/go-after': '' });
    await building;
    expect(await alice.output()).toBe('later');
    expect(await why(alice)).toMatchObject({ from: 'extra input changed during the compile' });
    await prints(alice, 'early', { compiled: 1, disk: 2 });
    await prints(alice, 'early', { disk: 3 });
  });
});
