import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  ConflictInfo,
  RecallInfo,
  SignedByInfo,
  StatsInfo,
  WhyInfo,
} from '../../src/wire/control.js';
import { Developer, formMesh } from '../harness/developer.js';
import { until } from '../harness/programs.js';
import { small } from './alone.js';
import { builds } from './builds.js';
import { type Files, manifest, Project } from './support.js';

/** Results are plain: those of an incremental compile hold random names. */
const PLAIN = { env: { CARGO_INCREMENTAL: '0' } };
const ANEW = { env: { CARGO_INCREMENTAL: '0', VRIFT_RECACHE: '1' } };

/** Alice founded the mesh, Bob and Carol are members; Carol's policy changes. */
describe('whose results are taken', () => {
  let alice: Developer;
  let bob: Developer;
  let carol: Developer;
  let projects = 0;

  beforeAll(async () => {
    const make = (name: string, policy: string) =>
      Developer.create(name, {
        workspace: 'bound',
        config: `[mesh]\nname = "${name}"\npolicy = "${policy}"\n`,
      });
    alice = await make('alice', 'any-member');
    bob = await make('bob', 'any-member');
    carol = await make('carol', 'quorum:2');
    await formMesh('trust', alice, bob, carol);
    await bob.meets(carol);
    await carol.meets(bob);
  }, 120_000);

  afterAll(async () => {
    for (const developer of [alice, bob, carol]) await developer?.dispose();
  });

  /** The same files for all three, which nobody has compiled. */
  async function forAll(files: (word: string) => Files = small) {
    const name = `p${++projects}`;
    const at = (developer: Developer) =>
      new Project(developer, join(developer.root, developer.name, name)).write(files(name));
    return { hers: await at(alice), his: await at(bob), carols: await at(carol) };
  }

  async function changePolicy(policy: string): Promise<void> {
    await carol.configure(`[mesh]\nname = "carol"\npolicy = "${policy}"\n`);
    await carol.stop();
    await carol.start();
    for (const other of [alice, bob]) await carol.meets(other);
  }

  const whyLib = async (developer: Developer): Promise<WhyInfo> =>
    (await developer.vriftJson<WhyInfo[]>(['why', 'lib']))[0]!;

  it('one member’s word is no quorum: that is counted, said, and nobody’s fault', async () => {
    const { hers, carols } = await forAll();
    await builds(hers, ['build'], { compiled: 2 }, PLAIN);
    const { counted } = await builds(carols, ['build'], { compiled: 2 }, PLAIN);
    expect(counted.refused).toEqual({ policy: 2, recall: 0 });
    expect(counted.errors).toEqual({});
    expect((await carol.vrift(['stats'])).stdout).toMatch(/refused +2 by policy, 0 recalled/);
    const [difference] = (await whyLib(carol)).diff;
    expect(difference).toMatchObject({ input: 'policy', after: 'quorum:2' });
    expect(difference!.before).toMatch(/^signed by alice \(/);
    expect((await carol.vrift(['why', 'lib'])).stdout).toMatch(
      /a result was there, signed by alice \(\w{8}\): the policy is quorum:2/,
    );
    expect(await carols.output()).toBe(await hers.output());
    expect((await carol.peers()).every(({ state }) => state === 'connected')).toBe(true);
  });

  it('two nodes that compile one crate in two homes make one result, and are a quorum', async () => {
    const { hers, his, carols } = await forAll();
    await builds(hers, ['build'], { compiled: 2 }, PLAIN);
    await builds(his, ['build'], { compiled: 2 }, ANEW);
    const { counted } = await builds(carols, ['build'], { peer: 2 }, PLAIN);
    expect(counted.refused).toEqual({ policy: 0, recall: 0 });
    expect(await carols.output()).toBe(await his.output());
    expect(await carol.vriftJson<ConflictInfo[]>(['mesh', 'conflicts'])).toEqual([]);
  });

  it('two that make something else of the same are a conflict, which is kept', async () => {
    const shuffled = (word: string): Files => ({
      'app/Cargo.toml': manifest('app', '[dependencies]\nshuffle = { path = "m" }\n[workspace]\n'),
      'app/src/lib.rs': `shuffle::order!(); pub const WORD: &str = "${word}";\n`,
      'app/m/Cargo.toml': manifest('shuffle', '[lib]\nproc-macro = true\n'),
      // The order of a hash set is another one in each process.
      'app/m/src/lib.rs': `use proc_macro::TokenStream;
        #[proc_macro]
        pub fn order(_: TokenStream) -> TokenStream {
          let all: std::collections::HashSet<u32> = (0..1000).collect();
          format!("pub static ORDER: &[u32] = &{:?};", all.into_iter().collect::<Vec<_>>())
            .parse().unwrap()
        }`,
    });
    const { hers, his, carols } = await forAll(shuffled);
    await builds(hers, ['build'], { compiled: 2 }, PLAIN);
    await builds(his, ['build'], { compiled: 2 }, ANEW);
    await builds(carols, ['build'], { compiled: 1, peer: 1 }, PLAIN);
    const [conflict, ...more] = await carol.vriftJson<ConflictInfo[]>(['mesh', 'conflicts']);
    expect(more).toEqual([]);
    expect(conflict!.unit).toBe('app');
    const signers = conflict!.results.map((each) => each.signers.map(({ name }) => name));
    expect(signers.flat().toSorted()).toEqual(['alice', 'bob', 'carol']);
    await carol.stop();
    await carol.start();
    const { stdout } = await carol.vrift(['mesh', 'conflicts']);
    expect(stdout).toContain(`app (${conflict!.target}), key ${conflict!.key}`);
    for (const other of [alice, bob]) await carol.meets(other);
  });

  it('what was stored under one policy is not put in place under a stricter one', async () => {
    const { hers, carols } = await forAll();
    await changePolicy('any-member');
    await builds(hers, ['build'], { compiled: 2 }, PLAIN);
    await builds(carols, ['build'], { peer: 2 }, PLAIN);
    await changePolicy('role:ci');
    await carols.clean();
    const { counted } = await builds(carols, ['build'], { compiled: 2 }, PLAIN);
    expect(counted.refused.policy).toBe(2);
    // What she made herself is good under any policy.
    await carols.clean();
    await builds(carols, ['build'], { disk: 2 }, PLAIN);
  });

  it('runs of build scripts are taken, kept and refused by the same policy', async () => {
    const scripted = (word: string): Files => ({
      'app/Cargo.toml': manifest('app', '[workspace]\n'),
      'app/src/main.rs': 'fn main() { println!("{}", env!("WORD")); }\n',
      'app/build.rs': `fn main() { println!("cargo::rustc-env=WORD=${word}"); }\n`,
    });
    const scripts = ({ scripts: { ran, replayed } }: StatsInfo) => ({ ran, ...replayed });
    const { hers, carols } = await forAll(scripted);
    await builds(hers, ['build'], { compiled: 2 }, PLAIN);
    const here = await builds(carols, ['build'], { compiled: 2 }, PLAIN);
    expect(scripts(here.counted)).toEqual({ ran: 1, disk: 0, peer: 0 });
    expect(here.counted.refused.policy).toBe(3);
    await changePolicy('any-member');
    const other = await forAll(scripted);
    await builds(other.hers, ['build'], { compiled: 2 }, PLAIN);
    const taken = await builds(other.carols, ['build'], { peer: 2 }, PLAIN);
    expect(scripts(taken.counted)).toEqual({ ran: 0, disk: 0, peer: 1 });
    const { node } = await alice.status();
    const listed = await carol.vriftJson<SignedByInfo[]>(['why', 'app', '--signed-by', node]);
    const out = listed.filter(({ path }) => path.startsWith(other.carols.dir));
    expect(out.map(({ path }) => path.split('/').at(-1))).toContain('out');
    await changePolicy('role:ci');
    await other.carols.clean();
    const again = await builds(other.carols, ['build'], { compiled: 2 }, PLAIN);
    expect(scripts(again.counted)).toEqual({ ran: 1, disk: 0, peer: 0 });
    expect(await other.carols.output()).toBe(await other.hers.output());
    const left = await carol.vriftJson<SignedByInfo[]>(['why', 'app', '--signed-by', node]);
    expect(left.filter(({ path }) => path.startsWith(other.carols.dir))).toEqual([]);
  });

  it('a machine of the named role, or of that name, is believed', async () => {
    const { node } = await bob.status();
    for (const policy of [`nodes:${node}`, 'nodes:bob', 'role:member']) {
      const { his, hers, carols } = await forAll();
      await changePolicy(policy);
      await builds(his, ['build'], { compiled: 2 }, PLAIN);
      await builds(carols, ['build'], { peer: 2 }, PLAIN);
      await builds(hers, ['build'], { peer: 2 }, PLAIN);
    }
    await changePolicy('any-member');
  });

  describe('a recall', () => {
    const results = async (developer: Developer) => (await developer.status()).store.results;
    /** As the log says: results come and go for other reasons as well. */
    const hasDropped = (developer: Developer, least: number) =>
      until(`${developer.name} has dropped what was recalled`, async () => {
        const { stdout } = await developer.vrift(['log', '-n', '500']);
        return [...stdout.matchAll(/recall +dropped=(\d+)/g)].some((m) => Number(m[1]) >= least);
      });

    it('of a key is of every result of these inputs, everywhere, for ever', async () => {
      const { hers, his } = await forAll();
      await builds(hers, ['build'], { compiled: 2 }, PLAIN);
      await builds(his, ['build'], { peer: 2 }, PLAIN);
      const { resultKey } = await whyLib(bob);
      expect(await whyLib(alice)).toMatchObject({ resultKey });
      const refused = await bob.vrift(['mesh', 'recall', resultKey], { allowFailure: true });
      expect(refused.stderr).toContain('this node is no admin');
      expect(await alice.vriftJson<RecallInfo>(['mesh', 'recall', resultKey])).toEqual({
        recalled: resultKey,
        kind: 'result',
        dropped: 1,
      });
      await hasDropped(bob, 1);
      for (let times = 0; times < 2; times++) {
        await his.clean();
        await builds(his, ['build'], { compiled: 1, disk: 1 }, PLAIN);
      }
      expect(await whyLib(bob)).toMatchObject({ from: 'recalled' });
      expect(await his.output()).toBe(await hers.output());
    });

    it('of a node reaches who was away, and survives restarts', async () => {
      const { hers, his, carols } = await forAll();
      await builds(his, ['build'], { compiled: 2 }, PLAIN);
      await builds(hers, ['build'], { peer: 2 }, PLAIN);
      await builds(carols, ['build'], { peer: 2 }, PLAIN);
      const { node } = await bob.status();
      await carol.stop();
      const { dropped } = await alice.vriftJson<RecallInfo>(['mesh', 'recall', 'bob']);
      expect(dropped).toBeGreaterThanOrEqual(2);
      await carol.start();
      await carol.meets(alice);
      await hasDropped(carol, 2);

      const lists = async (developer: Developer) =>
        developer.vriftJson<SignedByInfo[]>(['why', 'lib', '--signed-by', node.slice(0, 10)]);
      const deps = await readdir(join(carols.dir, 'target/debug/deps'));
      const libraries = deps.filter((name) => /^liblib-.*\.r(lib|meta)$/.test(name)).sort();
      const inCarols = (await lists(carol)).filter(({ path }) => path.startsWith(carols.dir));
      expect(inCarols.map(({ path }) => path.split('/').at(-1)).sort()).toEqual(libraries);

      for (const developer of [alice, bob, carol]) {
        await developer.stop();
        await developer.start();
      }
      await carol.meets(bob);
      await carol.meets(alice);
      await his.clean();
      await builds(his, ['build'], { compiled: 2 }, PLAIN);
      await his.clean();
      await builds(his, ['build'], { compiled: 2 }, PLAIN);
      await carols.clean();
      await builds(carols, ['build'], { compiled: 2 }, PLAIN);
      expect((await lists(carol)).filter(({ path }) => path.startsWith(carols.dir))).toEqual([]);
      // Nobody had it but those who took it from Bob; Carol's own is good.
      await hers.clean();
      await builds(hers, ['build'], { peer: 2 }, PLAIN);
    });

    it('of a toolchain leaves nothing that it made', async () => {
      const { hers } = await forAll();
      await builds(hers, ['build'], { compiled: 2 }, PLAIN);
      const { toolchain } = await whyLib(alice);
      const had = await results(alice);
      const recalled = await alice.vriftJson<RecallInfo>([
        'mesh',
        'recall',
        '--toolchain',
        toolchain,
      ]);
      expect(recalled).toEqual({ recalled: toolchain, kind: 'toolchain', dropped: had });
      expect(await results(alice)).toBe(0);
      for (let times = 0; times < 2; times++) {
        await hers.clean();
        await builds(hers, ['build'], { compiled: 2 }, PLAIN);
      }
      expect(await results(alice)).toBe(0);
    });
  });
});
