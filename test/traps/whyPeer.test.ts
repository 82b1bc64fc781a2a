import { describe, expect, it } from 'vitest';
import type { WhyInfo } from '../../src/wire/control.js';
import { rustc } from './calls.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const files = (word: string) => ({
  'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
  'app/src/main.rs': 'fn main() { println!("{}", lib::word()); }\n',
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': `pub fn word() -> &'static str { option_env!("WORD").unwrap_or("${word}") }\n`,
});

const build = (project: Project, env: NodeJS.ProcessEnv = {}) =>
  project.cargo(['build'], { env: { CARGO_INCREMENTAL: '0', ...env } });

/** The unit as Bob compiled it, against Alice's. */
async function against(project: Project, unit: string): Promise<WhyInfo> {
  const entries = await project.developer.vriftJson<WhyInfo[]>(['why', unit, '--peer', 'alice']);
  if (entries[0] === undefined) throw new Error(`no unit ${unit}`);
  return entries[0];
}

const text = async (project: Project, unit: string) =>
  (await project.developer.vrift(['why', unit, '--peer', 'alice'])).stdout;

describe('vrift why --peer', () => {
  it('names the file that the peer has otherwise, and the unit where a cascade began', async () => {
    const { alice, bob } = await pair.both(files('one'));
    await build(alice);
    await bob.write({
      'app/lib/src/lib.rs': 'pub fn word() -> &\'static str { "two" }\npub fn b() {}\n',
    });
    await build(bob);
    const lib = await against(bob, 'lib');
    expect(lib).toMatchObject({ outcome: 'miss', peer: { name: 'alice', state: 'differs' } });
    expect(lib.diff[0]?.input).toBe('file /vr/ws/lib/src/lib.rs');
    const app = await against(bob, 'app');
    expect(app).toMatchObject({
      diff: [{ input: 'dependency lib' }, { input: 'linked lib' }],
      root: { unit: 'lib', input: 'file /vr/ws/lib/src/lib.rs' },
    });
    expect(await text(bob, 'app')).toMatch(
      /lib is not as alice has it, since in lib \(rlib\) .*lib\/src\/lib\.rs is not as/,
    );
  });

  it("names flags and variables, by the variable's digest and never its value", async () => {
    const { alice, bob } = await pair.both(files('three'));
    await build(alice, { WORD: 'of-alice' });
    await build(bob, { WORD: 'of-bob' });
    const lib = await against(bob, 'lib');
    expect(lib.diff).toEqual([
      expect.objectContaining({
        input: 'variable WORD',
        before: expect.stringMatching(/^[0-9a-f]{64}$/),
        after: expect.stringMatching(/^[0-9a-f]{64}$/),
      }),
    ]);
    expect(JSON.stringify(lib)).not.toContain('of-alice');
    expect(await text(bob, 'lib')).toContain('the variable WORD is another for alice');

    await bob.clean();
    await build(bob, { WORD: 'of-alice', RUSTFLAGS: '-C overflow-checks=off' });
    expect((await against(bob, 'lib')).diff).toEqual([
      { input: 'flag -C overflow-checks', before: 'none', after: 'off' },
    ]);
  });

  it("says that the peer's result is bound to another path", async () => {
    const here = {
      'app/lib/src/lib.rs': 'pub fn word() -> &\'static str { env!("CARGO_MANIFEST_DIR") }\n',
    };
    const { alice, bob } = await pair.both({ ...files('four'), ...here });
    await build(alice);
    await build(bob);
    expect((await against(bob, 'lib')).diff).toMatchObject([{ input: 'path of /vr/ws' }]);
    expect(await text(bob, 'lib')).toContain("it is bound to the workspace's path");
    expect(await against(bob, 'app')).toMatchObject({
      diff: [{ input: 'dependency lib' }, { input: 'linked lib' }],
      root: { unit: 'lib', input: 'path of /vr/ws' },
    });
  });

  it("says why the peer's result does not leave its machine", async () => {
    const source = { 'app/main.rs': 'fn main() { println!("{}", env!("API_TOKEN").len()); }\n' };
    const { alice, bob } = await pair.both(source);
    for (const project of [alice, bob]) {
      await rustc(project, [], { env: { API_TOKEN: 'the same' } });
    }
    expect((await against(bob, 'app')).diff).toMatchObject([
      { input: 'stays there', before: 'reads a secret variable: API_TOKEN' },
    ]);
  });

  it('says that the peer has the same, and that it never had anything of that name', async () => {
    const { alice, bob } = await pair.both({ 'app/main.rs': 'fn main() { println!("five"); }\n' });
    await rustc(alice, ['-C', 'opt-level=0']);
    await rustc(bob, ['-C', 'opt-level=0']);
    expect(await against(bob, 'app')).toMatchObject({ outcome: 'hit', peer: { state: 'same' } });
    expect(await text(bob, 'app')).toContain('alice has the same result');
    await bob.write({ 'app/other.rs': 'fn main() { println!("six"); }\n' });
    await rustc(bob, [], { source: 'other.rs' });
    expect(await against(bob, 'app')).toMatchObject({ peer: { state: 'unknown' }, diff: [] });
  });

  it('says what to do about a peer that nobody knows', async () => {
    const asked = await pair.bob.vrift(['why', '--peer', 'nobody'], { allowFailure: true });
    expect(asked.code).toBe(1);
    expect(asked.stderr).toMatch(/no peer is called nobody\n {2}next: Give a name/);
  });
});
