import { describe, expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** @param word makes it another program */
const split = (kind: string, word = ''): Files => ({
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }
    [profile.dev]\nsplit-debuginfo = "${kind}"\n[workspace]\n`,
  'app/src/main.rs': `fn main() {\n  println!("{} ${word}", lib::twice(21));\n}\n`,
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': `pub fn twice(n: i32) -> i32 {\n  let doubled = n * 2;\n  doubled // ${word}\n}\n`,
});

/** What gdb says of an argument in the library, which only the split-off part describes. */
async function debugged(project: Project): Promise<string> {
  const commands = ['set debuginfod enabled off', 'break lib.rs:2', 'run', 'print n', 'list'];
  const args = ['-batch', '-nx', ...commands.flatMap((command) => ['-ex', command])];
  const { stdout, stderr } = await project.developer.run('gdb', [...args, 'target/debug/app'], {
    cwd: project.dir,
    allowFailure: true,
  });
  return stdout + stderr;
}

async function expectDebuggable(project: Project): Promise<void> {
  const said = await debugged(project);
  expect(said).toContain('$1 = 21');
  expect(said).toContain('let doubled = n * 2;');
  expect(said).not.toContain('Could not find DWO');
}

describe('split debug information', () => {
  it('packed: gdb finds it, at home and at the other developer', async (context) => {
    needs(context, 'gdb');
    const { alice, bob } = await pair.both(split('packed'));
    const plain = { env: { CARGO_INCREMENTAL: '0' } };
    expect((await alice.count(['build'], plain)).compiled).toBe(2);
    await expectDebuggable(alice);
    expect(await bob.count(['build'], plain)).toMatchObject({ compiled: 0, hits: { peer: 2 } });
    await expectDebuggable(bob);
  });

  it('packed by an incremental compile: nothing random leaves the machine', async (context) => {
    needs(context, 'gdb');
    const { alice, bob } = await pair.both(split('packed', 'again'));
    const reason = 'packed debug information of an incremental compile';
    expect(await alice.count(['build'])).toMatchObject({ compiled: 2, localOnly: { [reason]: 2 } });
    await alice.clean();
    expect(await alice.count(['build'])).toMatchObject({ compiled: 0, hits: { disk: 2 } });
    await expectDebuggable(alice);
    expect(await bob.count(['build'])).toMatchObject({ compiled: 2, hits: { peer: 0 } });
    await expectDebuggable(bob);
  });

  it('unpacked: gdb finds it after a restore, and nothing of it leaves the machine', async (context) => {
    needs(context, 'gdb');
    const { alice, bob } = await pair.both(split('unpacked'));
    expect(await alice.count(['build'])).toMatchObject({
      compiled: 2,
      localOnly: { 'unpacked debug information': 2 },
    });
    await expectDebuggable(alice);
    await alice.clean();
    expect(await alice.count(['build'])).toMatchObject({ compiled: 0, hits: { disk: 2 } });
    await expectDebuggable(alice);
    expect(await bob.count(['build'])).toMatchObject({ compiled: 2, hits: { peer: 0 } });
    await expectDebuggable(bob);
  });
});
