import { describe, expect, it } from 'vitest';
import { builds, isFresh } from './builds.js';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const lib = (crate: string, text: string): Files => ({ [`app/${crate}/src/lib.rs`]: text });

/** base ← mid ← top and side ← top: four units, unlike those of any other test. */
const workspace = (seed: number): Files => ({
  'app/Cargo.toml': manifest(
    'top',
    '[dependencies]\nmid = { path = "mid" }\nside = { path = "side" }\n[workspace]\n',
  ),
  'app/src/main.rs': 'fn main() { println!("{} {}", mid::number(), side::number()); }\n',
  'app/mid/Cargo.toml': manifest('mid', '[dependencies]\nbase = { path = "../base" }\n'),
  ...lib('mid', 'pub fn number() -> u32 { base::number() + 1 }\n'),
  'app/side/Cargo.toml': manifest('side'),
  ...lib('side', `pub fn number() -> u32 { ${seed} }\n`),
  'app/base/Cargo.toml': manifest('base'),
  ...base(seed),
});
const base = (number: number) => lib('base', `pub fn number() -> u32 { ${number} }\n`);
const side = (number: number) => lib('side', `pub fn number() -> u32 { ${number} }\n`);

describe('the first edit after a restore', () => {
  it('compiles what changed and nothing else, into an empty state: for everyone', async () => {
    const { alice, bob } = await pair.both(workspace(100));
    await builds(alice, ['build'], { compiled: 4 });
    await builds(bob, ['build'], { peer: 4 });
    await bob.write(side(101));
    const { counted } = await builds(bob, ['build'], { compiled: 2 });
    expect(counted.localOnly).toEqual({});
    expect(await bob.output('top')).toBe('101 101');
    await alice.write(side(101));
    await builds(alice, ['build'], { peer: 2 });
    expect(await alice.output('top')).toBe('101 101');
  });

  it('after the target directory was removed, too', async () => {
    const { alice } = await pair.both(workspace(110));
    await builds(alice, ['build'], { compiled: 4 });
    await alice.clean();
    await builds(alice, ['build'], { disk: 4 });
    await alice.write({
      'app/src/main.rs': 'fn main() { println!("{}", mid::number()); }\n',
    });
    const { counted } = await builds(alice, ['build'], { compiled: 1 });
    expect(counted.localOnly).toEqual({});
    expect(await alice.output('top')).toBe('111');
  });
});

describe('an edit', () => {
  it('that changes nothing compiles nothing, whatever the state', async () => {
    const { alice } = await pair.both(workspace(120));
    await builds(alice, ['build'], { compiled: 4 });
    await alice.write(base(121));
    await builds(alice, ['build'], { compiled: 3 });
    // Saved again: cargo asks for base and all its dependents.
    await alice.write(base(121));
    await builds(alice, ['build'], { disk: 3 });
    expect(await alice.output('top')).toBe('122 120');
    await isFresh(alice, ['build']);
  });

  it('taken back gives the shareable results again, for peers and for new dependents', async () => {
    const { alice, bob } = await pair.both(workspace(130));
    await builds(alice, ['build'], { compiled: 4 });
    for (const number of [131, 132]) {
      await alice.write(base(number));
      const { counted } = await builds(alice, ['build'], { compiled: 3 });
      expect(counted.localOnly).toMatchObject({ 'warm incremental state': 3 });
      expect(await alice.output('top')).toBe(`${number + 1} 130`);
    }
    await alice.write(base(130));
    await builds(alice, ['build'], { disk: 3 });
    // Compiled for the first time, and against what came back: nothing keeps it here.
    await alice.write({ 'app/src/bin/late.rs': 'fn main() { println!("{}", mid::number()); }\n' });
    const late = ['build', '--bin', 'late'];
    expect((await builds(alice, late, { compiled: 1 })).counted.localOnly).toEqual({});
    await bob.write({ 'app/src/bin/late.rs': 'fn main() { println!("{}", mid::number()); }\n' });
    await builds(bob, late, { peer: 4 });
    expect(await bob.output('late')).toBe('131');
  });

  it('that has settled is shared by whoever compiles it from an empty state', async () => {
    const { alice, bob } = await pair.both(workspace(140));
    await builds(alice, ['build'], { compiled: 4 });
    await alice.write(base(141));
    await builds(alice, ['build'], { compiled: 3 });
    // Alice pushes, Bob pulls: only side is for everyone. What Bob compiles is, too.
    await bob.write(base(141));
    const { counted } = await builds(bob, ['build'], { compiled: 3, peer: 1 });
    expect(counted.localOnly).toEqual({});
    await alice.clean();
    await builds(alice, ['build'], { disk: 4 });
  });

  it("with a warm state: a colleague's branch is still a hit", async () => {
    const { alice, bob } = await pair.both(workspace(150));
    await builds(alice, ['build'], { compiled: 4 });
    await builds(bob, ['build'], { peer: 4 });
    await bob.write(base(151));
    await builds(bob, ['build'], { compiled: 3 });
    await alice.write(base(152));
    const { counted } = await builds(alice, ['build'], { compiled: 3 });
    expect(counted.localOnly).toMatchObject({ 'warm incremental state': 3 });
    // Alice's own is local-only, so she gives what she compiles without a state.
    await alice.clean();
    await builds(alice, ['build'], { compiled: 4 }, { env: { VRIFT_RECACHE: '1' } });
    await bob.write(base(152));
    await builds(bob, ['build'], { peer: 3 });
    expect(await bob.output('top')).toBe('153 150');
  });
});
