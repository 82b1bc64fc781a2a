import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Developer, formMesh } from '../harness/developer.js';
import { until } from '../harness/programs.js';
import { builds, isFresh } from './builds.js';
import { type Files, manifest, Project } from './support.js';

/** base ← mid ← top: three units, unlike those of any other project here. */
const chain = (seven: number, more = ''): Files => ({
  'app/Cargo.toml': manifest('top', `[dependencies]\nmid = { path = "mid" }\n${more}[workspace]\n`),
  'app/src/main.rs': 'fn main() { println!("{}", mid::seven()); }\n',
  'app/mid/Cargo.toml': manifest('mid', '[dependencies]\nbase = { path = "../base" }\n'),
  'app/mid/src/lib.rs': 'pub fn seven() -> u32 { base::seven::<u32>() }\n',
  'app/base/Cargo.toml': manifest('base'),
  'app/base/src/lib.rs': `pub fn seven<T: From<u8>>() -> T { T::from(${seven}) }\n`,
});

/** A leaf that is another in each compile: its macro writes down the order of a hash map. */
const shuffled: Files = {
  'app/Cargo.toml': manifest('top', '[dependencies]\nmid = { path = "mid" }\n[workspace]\n'),
  'app/src/main.rs': 'fn main() { println!("{}", mid::order()); }\n',
  'app/mid/Cargo.toml': manifest('mid', '[dependencies]\nleaf = { path = "../leaf" }\n'),
  'app/mid/src/lib.rs': "pub fn order() -> &'static str { leaf::ORDER }\n",
  'app/leaf/Cargo.toml': manifest('leaf', '[dependencies]\nshuffle = { path = "../shuffle" }\n'),
  'app/leaf/src/lib.rs': 'pub const ORDER: &str = shuffle::letters!();\n',
  'app/shuffle/Cargo.toml': manifest('shuffle', '[lib]\nproc-macro = true\n'),
  'app/shuffle/src/lib.rs': `
    #[proc_macro]
    pub fn letters(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
      let letters: std::collections::HashSet<char> = ('a'..='z').collect();
      format!("\\"{}\\"", letters.iter().collect::<String>()).parse().unwrap()
    }\n`,
};

const ci = { env: { CARGO_INCREMENTAL: '0' } };
const shortly = ['build', '--message-format=short'];

const developers: Developer[] = [];
afterAll(async () => {
  for (const developer of developers) await developer.dispose();
});

/** A developer whose node belongs to no mesh yet. */
async function someone(name: string): Promise<Developer> {
  const developer = await Developer.create(name, { workspace: 'bound' });
  developers.push(developer);
  await developer.start();
  return developer;
}

const project = (developer: Developer, name: string, files: Files): Promise<Project> =>
  new Project(developer, join(developer.root, 'of', developer.name, name)).write(files);

/** What this node adopted, by crate. */
async function adoptions(developer: Developer): Promise<string[]> {
  const { stdout } = await developer.vrift(['log', '-n', '10000']);
  return stdout.split('\n').flatMap((line) => /\badopt\s+\S+\s+(\S+)/.exec(line)?.[1] ?? []);
}

const adopts = (developer: Developer, crates: number) =>
  until(`${developer.name} adopts ${crates} crates`, async () => {
    return (await adoptions(developer)).length === crates;
  });

const isAlone = (developer: Developer) =>
  until(`${developer.name} is alone`, async () => {
    return (await developer.peers()).every(({ state }) => state !== 'connected');
  });

describe('who compiled apart, one with the flags of a CI', () => {
  let alice: Developer;
  let bob: Developer;
  const both = async (name: string, files: Files) => ({
    hers: await project(alice, name, files),
    his: await project(bob, name, files),
  });
  type Both = Awaited<ReturnType<typeof both>>;
  let left: Both;
  let usual: Both;
  let optimised: Both;
  let warm: Both;
  let loud: Both;

  beforeAll(async () => {
    alice = await someone('alice');
    bob = await someone('bob');
    left = await both('left', chain(1));
    usual = await both('usual', chain(2));
    optimised = await both('optimised', chain(3, '[profile.dev]\nopt-level = 1\n'));
    warm = await both('warm', chain(4));
    const unused = 'pub fn seven<T: From<u8>>() -> T { let unused = 1; T::from(5) }\n';
    loud = await both('loud', { ...chain(5), 'app/base/src/lib.rs': unused });
  });

  it('compiles all of its own before they meet', async () => {
    for (const { hers, his } of [left, usual, optimised]) {
      await builds(hers, ['build'], { compiled: 3 });
      await builds(his, ['build'], { compiled: 3 }, ci);
    }
  });

  it('whatever its terminal is like, and whatever it compiled before', async () => {
    await builds(loud.hers, ['build'], { compiled: 3 });
    await builds(loud.his, shortly, { compiled: 3 }, ci);
    // Her result of this one comes from a warm state, and would never leave her machine.
    await warm.hers.write(chain(40));
    await builds(warm.hers, ['build'], { compiled: 3 });
    await warm.hers.write(chain(4));
    const { counted } = await builds(warm.hers, ['build'], { compiled: 3 });
    expect(counted.localOnly).toMatchObject({ 'warm incremental state': 3 });
    await builds(warm.his, ['build'], { compiled: 3 }, ci);
  });

  it('takes over what all prefer after they met', async () => {
    await formMesh('apart', alice, bob);
    // One leaf of each project: nothing else of theirs has a key in common.
    await adopts(alice, 5);
  });

  it('keeps what is in a target directory, and while alone all that was there', async () => {
    const { hers } = left;
    await isFresh(hers, ['build']);
    await bob.stop();
    await isAlone(alice);
    await hers.clean();
    await builds(hers, ['build'], { disk: 3 });
    await bob.start();
    await alice.meets(bob);
  });

  it('shares dependents again after meeting, in both directions', async () => {
    const { hers, his } = usual;
    await hers.clean();
    await builds(hers, ['build'], { disk: 1, peer: 2 });
    await isFresh(hers, ['build']);
    await his.clean();
    await builds(his, ['build'], { disk: 3 }, ci);
    await hers.clean();
    await builds(hers, ['build'], { disk: 3 });

    const edit = (more: number): Files => ({
      'app/mid/src/lib.rs': `pub fn seven() -> u32 { ${more} + base::seven::<u32>() }\n`,
    });
    await his.write(edit(10));
    await builds(his, ['build'], { compiled: 2 }, ci);
    await hers.write(edit(10));
    await builds(hers, ['build'], { peer: 2 });
    expect(await hers.output('top')).toBe('12');
    await hers.write(edit(20));
    await builds(hers, ['build'], { compiled: 2 });
    await his.write(edit(20));
    await builds(his, ['build'], { peer: 2 }, ci);
    expect(await his.output('top')).toBe('22');
    // What all prefer never gives way.
    expect(await adoptions(bob)).toEqual([]);
  });

  it('the same where the optimiser is on: plain results answer both', async () => {
    const { hers, his } = optimised;
    await hers.clean();
    await builds(hers, ['build'], { disk: 1, peer: 2 });
    await his.clean();
    await builds(his, ['build'], { disk: 3 }, ci);
    for (const each of [hers, his]) expect(await each.output('top')).toBe('3');
  });

  it('a result of a warm state gives way, and what is compiled next may be shared', async () => {
    const { hers } = warm;
    await hers.clean();
    await builds(hers, ['build'], { disk: 1, peer: 2 });
    await hers.write({ 'app/src/main.rs': 'fn main() { println!("{}", 1 + mid::seven()); }\n' });
    const { counted } = await builds(hers, ['build'], { compiled: 1 });
    expect(counted.localOnly).toEqual({});
    expect(await hers.output('top')).toBe('5');
  });

  it('a crate with warnings as well, which look as in the own terminal', async () => {
    const { hers, his } = loud;
    await hers.clean();
    const { stderr } = await builds(hers, ['build'], { disk: 1, peer: 2 });
    expect(stderr).toContain('--> base/src/lib.rs:1:40');
    await his.clean();
    const short = await builds(his, shortly, { disk: 3 }, ci);
    expect(short.stderr).toContain('base/src/lib.rs:1:40: warning: unused variable');
    expect(await hers.output('top')).toBe('5');
  });

  it('goes on alone with what both prefer, once that was used', async () => {
    const { hers } = usual;
    await bob.stop();
    await isAlone(alice);
    await hers.clean();
    await builds(hers, ['build'], { disk: 3 });
    expect(await hers.output('top')).toBe('22');
    await bob.start();
    await alice.meets(bob);
  });

  it('gives a third one who joins the same', async () => {
    const carol = await someone('carol');
    await carol.join(alice);
    await carol.meets(alice);
    await carol.meets(bob);
    const theirs = await project(carol, 'third', chain(1));
    await builds(theirs, ['build'], { peer: 3 });
    expect(await theirs.output('top')).toBe('1');
  });
});

describe('three who compiled another leaf each', () => {
  const projects: Project[] = [];
  const orders = new Set<string>();

  beforeAll(async () => {
    for (const name of ['dora', 'emil', 'fanny']) {
      const its = await project(await someone(name), 'leaves', shuffled);
      await builds(its, ['build'], { compiled: 4 }, ci);
      orders.add(await its.output('top'));
      projects.push(its);
    }
  });

  it('hear of the preferred one when they meet', async () => {
    expect(orders.size).toBe(3);
    const [dora, emil, fanny] = projects.map(({ developer }) => developer);
    const counts = () =>
      Promise.all([dora!, emil!, fanny!].map(async (each) => (await adoptions(each)).length));
    await formMesh('leaves', dora!, emil!);
    await until('one of two adopts', async () => {
      const [first = 0, second = 0] = await counts();
      return first + second === 1;
    });
    await fanny!.join(dora!);
    await fanny!.meets(dora!);
    await fanny!.meets(emil!);
    await until('the third adopts theirs, or both adopt its leaf', async () => {
      const [first = 0, second = 0, third] = await counts();
      return third === 1 || first + second === 3;
    });
  });

  it('agree on it, and compile nothing', async () => {
    const after = new Set<string>();
    for (const each of projects) {
      await each.clean();
      const { compiled, units } = await each.count(['build'], ci);
      expect({ compiled, units }).toEqual({ compiled: 0, units: 4 });
      after.add(await each.output('top'));
    }
    expect(after.size).toBe(1);
    expect(orders).toContain([...after][0]);
  });
});
