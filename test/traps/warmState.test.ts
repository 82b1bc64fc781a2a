import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK } from './calls.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const lib = (answer: number) => ({
  'app/lib/src/lib.rs': `pub fn answer() -> i32 { ${answer} }\n`,
});

const PLAIN = { env: { CARGO_INCREMENTAL: '0' } };
const INCREMENTAL = { env: { CARGO_INCREMENTAL: '1' } };

describe('an incremental state', () => {
  it('is warm: neither its result nor what was compiled against it reaches a peer', async () => {
    const main = 'fn main() { println!("{}", lib::answer()); }\n';
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }\n[workspace]\n`,
      'app/src/main.rs': main,
      'app/src/bin/other.rs': main,
      'app/lib/Cargo.toml': manifest('lib'),
      ...lib(41),
    });
    const first = ['build', '--bin', 'app'];
    expect(await alice.count(first)).toMatchObject({ compiled: 2, localOnly: {} });
    // From an empty state: for everyone.
    expect(await bob.count(first)).toMatchObject({ compiled: 0, hits: { peer: 2 } });

    await alice.write(lib(42));
    expect(await alice.count(first)).toMatchObject({
      compiled: 2,
      localOnly: { 'warm incremental state': 2, 'local-only dependency': 1 },
    });
    // From an empty state, but against the library that was made from a warm one.
    const second = ['build', '--bin', 'other'];
    expect(await alice.count(second)).toMatchObject({
      compiled: 1,
      localOnly: { 'local-only dependency': 1 },
    });
    await bob.write(lib(42));
    await bob.clean();
    const counted = await bob.count(second);
    expect(counted).toMatchObject({ compiled: 2, hits: { disk: 0, peer: 0 } });
    expect(await bob.output('other')).toBe('42');

    await alice.clean();
    expect(await alice.count(second)).toMatchObject({ compiled: 0 });
    expect(await alice.output('other')).toBe('42');
    // It was restored, and is still what it was.
    await alice.write({ 'app/src/bin/third.rs': main });
    expect(await alice.count(['build', '--bin', 'third'])).toMatchObject({
      compiled: 1,
      localOnly: { 'local-only dependency': 1 },
    });
    expect(await alice.output('third')).toBe('42');
  });

  const optimised = [
    { level: 1, hit: false },
    { level: 0, hit: true },
  ];
  for (const { level, hit } of optimised) {
    it(`at opt-level ${level} its result ${hit ? 'satisfies' : 'never satisfies'} a plain request`, async () => {
      const files = {
        'app/Cargo.toml': `${manifest('app')}[profile.dev]\nopt-level = ${level}\n[workspace]\n`,
        'app/src/main.rs': `fn main() { println!("level ${level}"); }\n`,
      };
      const { alice, bob } = await pair.both(files);
      expect(await alice.count(['build'], INCREMENTAL)).toMatchObject(COMPILED);
      const counted = await bob.count(['build'], PLAIN);
      expect(counted).toMatchObject(hit ? { compiled: 0, hits: { peer: 1 } } : COMPILED);
      expect(await bob.output()).toBe(`level ${level}`);
      // A plain one satisfies both.
      await bob.clean();
      expect(await bob.count(['build'], INCREMENTAL)).toMatchObject(FROM_DISK);
      expect(await bob.output()).toBe(`level ${level}`);
    });
  }

  it('a plain and an incremental result of one unit: rlib and rmeta are never mixed', async () => {
    const files = {
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nmid = { path = "mid" }\n[workspace]\n`,
      'app/src/main.rs': 'fn main() { println!("{}", mid::twice(21)); }\n',
      'app/mid/Cargo.toml': manifest('mid', '[dependencies]\nbase = { path = "../base" }\n'),
      'app/mid/src/lib.rs': 'pub fn twice(n: i32) -> i32 { base::Pair(n, n).sum() }\n',
      'app/base/Cargo.toml': manifest('base'),
      'app/base/src/lib.rs': `pub struct Pair<T>(pub T, pub T);
        impl<T: std::ops::Add<Output = T> + Copy> Pair<T> {
          #[inline] pub fn sum(&self) -> T { self.0 + self.1 }
        }\n`,
    };
    const { alice, bob } = await pair.both(files);
    await alice.cargo(['build'], INCREMENTAL);
    // Bob has both: what Alice made, and what he compiled himself.
    await bob.cargo(['build'], PLAIN);
    await bob.clean();
    await bob.cargo(['build'], { env: { ...PLAIN.env, VRIFT_RECACHE: '1' } });
    for (const options of [INCREMENTAL, PLAIN]) {
      await bob.clean();
      expect(await bob.count(['build'], options)).toMatchObject({ compiled: 0 });
      for (const part of ['libbase-*.rlib', 'libmid-*.rmeta']) {
        await bob.developer.run('sh', ['-c', `rm target/debug/deps/${part}`], { cwd: bob.dir });
        expect(await bob.count(['build'], options)).toMatchObject({ compiled: 0 });
        expect(await bob.output()).toBe('42');
        for (const crate of ['base', 'mid']) await expectOneCompile(bob, crate);
      }
    }
  });
});

/** The rlib holds the very metadata that stands beside it. */
async function expectOneCompile(project: Project, crate: string): Promise<void> {
  const deps = join(project.dir, 'target/debug/deps');
  const { stdout } = await project.developer.run('sh', ['-c', `ls ${deps}/lib${crate}-*.rmeta`]);
  for (const rmeta of stdout.trim().split('\n')) {
    const [metadata, library] = await Promise.all([
      readFile(rmeta),
      readFile(rmeta.replace(/rmeta$/, 'rlib')),
    ]);
    expect(library.includes(metadata)).toBe(true);
  }
}
