import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import { builds, isFresh } from './builds.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** base ← mid ← app: three units, unlike those of any other test. */
const chain = (seven: number, profile = ''): Files => ({
  'app/Cargo.toml': manifest(
    'app',
    `[dependencies]\nmid = { path = "mid" }\n${profile}[workspace]\n`,
  ),
  'app/src/main.rs': 'fn main() {\n  println!("{}", mid::seven());\n}\n',
  'app/mid/Cargo.toml': manifest('mid', '[dependencies]\nbase = { path = "../base" }\n'),
  'app/mid/src/lib.rs': 'pub fn seven() -> u32 { base::seven() }\n',
  'app/base/Cargo.toml': manifest('base'),
  'app/base/src/lib.rs': `pub fn seven() -> u32 { ${seven} }\n`,
});

const without = { env: { RUSTC_WRAPPER: '' } };

/** The one file in `deps` whose name fits. */
async function inDeps(project: Project, name: RegExp, target = 'target'): Promise<string> {
  const dir = join(project.dir, target, 'debug/deps');
  const found = (await readdir(dir)).filter((file) => name.test(file));
  expect(found).toHaveLength(1);
  return join(dir, found[0]!);
}

describe('after a restore', () => {
  it('the next build does nothing, and in another target directory neither', async () => {
    const { alice, bob } = await pair.both(chain(7));
    await builds(alice, ['build'], { compiled: 3 });
    await builds(bob, ['build'], { peer: 3 });
    await isFresh(bob, ['build']);
    const second = { env: { CARGO_TARGET_DIR: 'second' } };
    await builds(bob, ['build'], { disk: 3 }, second);
    // Part of the second goes and comes back, from blobs that the first shares.
    await rm(await inDeps(bob, /^libbase-.*\.rlib$/, 'second'));
    await builds(bob, ['build'], { disk: 3 }, second);
    await isFresh(bob, ['build']);
    await isFresh(bob, ['build'], second);
  });

  it('of libraries only, the next build is silent too', async () => {
    const kinds = '[lib]\ncrate-type = ["rlib", "staticlib"]\n';
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest(
        'app',
        `[dependencies]\nbase = { path = "base" }\n${kinds}[workspace]\n`,
      ),
      'app/src/lib.rs': '#[no_mangle] pub extern "C" fn seven() -> u32 { base::seven() }\n',
      'app/base/Cargo.toml': manifest('base'),
      'app/base/src/lib.rs': 'pub fn seven() -> u32 { 6 + 1 }\n',
    });
    await builds(alice, ['build'], { compiled: 2 });
    await builds(bob, ['build'], { peer: 2 });
    await isFresh(bob, ['build']);
    // Were its files the store's own, they would be older than those of its dependency.
    for (const project of [alice, bob]) {
      await project.clean();
      await builds(project, ['build'], { disk: 2 });
      await isFresh(project, ['build']);
    }
    await isFresh(bob, ['build'], without);
  });

  it('cargo builds on without the wrapper, and the store keeps what it had', async () => {
    const { alice, bob } = await pair.both(chain(8));
    await builds(alice, ['build'], { compiled: 3 });
    await builds(bob, ['build'], { peer: 3 });
    await isFresh(bob, ['build'], without);
    await bob.write({ 'app/base/src/lib.rs': 'pub fn seven() -> u32 { 80 }\n' });
    const { stderr } = await bob.cargo(['build'], without);
    expect(stderr).not.toContain('writeable');
    expect(await bob.output()).toBe('80');

    await bob.write(chain(8));
    await bob.clean();
    await builds(bob, ['build'], { disk: 3 });
    expect(await bob.output()).toBe('8');
    await bob.developer.vrift(['verify']);
  });

  it('strip, objcopy, ar and cp write into restored files, and nobody else gets that', async (context) => {
    needs(context, 'ar', 'strip');
    const { alice } = await pair.both(chain(9));
    await builds(alice, ['build'], { compiled: 3 });
    await alice.clean();
    await builds(alice, ['build'], { disk: 3 });
    const program = await inDeps(alice, /^app-[0-9a-f]+$/);
    const library = await inDeps(alice, /^libbase-.*\.rlib$/);
    const metadata = await inDeps(alice, /^libmid-.*\.rmeta$/);
    const depFile = await inDeps(alice, /^mid-.*\.d$/);
    const files = [program, library, metadata, depFile];
    const before = await Promise.all(files.map((file) => readFile(file)));
    const run = (name: string, ...args: string[]) => alice.developer.run(name, args);
    await run('strip', '--strip-debug', program);
    await run('objcopy', '--add-section', `.note.mine=${depFile}`, program);
    await run('ar', 'rcs', library, depFile);
    await run('cp', '-f', depFile, metadata);
    await writeFile(depFile, 'nothing: here\n');

    await alice.clean();
    const counted = await alice.count(['build']);
    // A library shares its blob's inode where files cannot share extents: its entry is dropped.
    const { compiled, hits, errors } = counted;
    expect(compiled + hits.disk).toBe(3);
    expect(compiled).toBeLessThanOrEqual(1);
    expect(errors).toEqual(compiled === 0 ? {} : { VRIFT_STORE_CORRUPT: 1 });
    const members = (await run('ar', 't', library)).stdout;
    expect(members).not.toContain('.d\n');
    for (const [index, file] of files.entries()) {
      if (file !== library) expect((await readFile(file)).equals(before[index]!)).toBe(true);
    }
    expect(await alice.output()).toBe('9');
  });

  it('programs and tests run, with the rights of new ones', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('app', '[workspace]\n'),
      'app/src/main.rs': 'fn main() {}\n#[test] fn passes() {}\n',
    });
    await builds(alice, ['test', '--no-run'], { compiled: 1 });
    await builds(bob, ['test', '--no-run'], { peer: 1 });
    const { stdout } = await bob.cargo(['test']);
    expect(stdout).toContain('test passes ... ok');
    const { mode } = await stat(await inDeps(bob, /^app-[0-9a-f]+$/));
    expect(mode & 0o777).toBe(0o755);
  });

  for (const split of ['packed', 'unpacked']) {
    it(`split-debuginfo=${split}: the debugger finds objects and sources`, async (context) => {
      needs(context, 'gdb');
      // What an incremental compile packs is not the same twice, so that stays where it was made.
      const profile = `[profile.dev]\nincremental = false\nsplit-debuginfo = "${split}"\n`;
      const { alice, bob } = await pair.both(chain(split === 'packed' ? 10 : 11, profile));
      const first = await builds(alice, ['build'], { compiled: 3 });
      await alice.clean();
      await builds(alice, ['build'], { disk: 3 });
      if (split === 'packed') {
        expect((await stat(await inDeps(alice, /^app-.*\.dwp$/))).size).toBeGreaterThan(0);
        await builds(bob, ['build'], { peer: 3 });
      } else {
        const names = await readdir(join(alice.dir, 'target/debug/deps'));
        expect(names.filter((name) => /^app-.*\.dwo$/.test(name))).not.toEqual([]);
        // Its objects are found by their real paths, so nobody else may have them.
        expect(first.counted.localOnly['unpacked debug information']).toBe(3);
        await builds(bob, ['build'], { compiled: 3 });
      }
      for (const project of [alice, bob]) {
        await isFresh(project, ['build']);
        const ask = ['-nx', '-batch', '-ex', 'list app::main', 'target/debug/app'];
        const { stdout, stderr } = await project.developer.run('gdb', ask, { cwd: project.dir });
        expect(stdout).toContain('println!("{}", mid::seven());');
        expect(stderr).not.toMatch(/DWO|could not|cannot/i);
      }
    });
  }

  it('a target directory from before vrift: right results that stay here, and a hint', async () => {
    const { alice, bob } = await pair.both(chain(12));
    await alice.cargo(['build'], without);
    await alice.write({
      'app/src/main.rs': 'fn main() {\n  println!("new {}", mid::seven());\n}\n',
    });
    const { counted } = await builds(alice, ['build'], { compiled: 1 });
    expect(counted.localOnly).toMatchObject({ 'foreign dependency': 1 });
    expect(await alice.output()).toBe('new 12');
    const { stdout } = await alice.developer.vrift(['stats']);
    expect(stdout).toMatch(/foreign dependency .*cargo clean/);

    await alice.clean();
    const again = await builds(alice, ['build'], { compiled: 3 });
    expect(again.counted.localOnly).toEqual({});
    await bob.write({ 'app/src/main.rs': await alice.read('app/src/main.rs') });
    await builds(bob, ['build'], { peer: 3 });
  });

  it('a library that cargo makes without vrift where vrift had made another: the same', async () => {
    const { alice, bob } = await pair.both(chain(13));
    await builds(alice, ['build'], { compiled: 3 });
    const edited = { 'app/mid/src/lib.rs': 'pub fn seven() -> u32 { 1 + base::seven() }\n' };
    await alice.write(edited);
    await alice.cargo(['build', '-p', 'mid'], without);
    const { counted } = await builds(alice, ['build'], { compiled: 1 });
    expect(counted.localOnly).toMatchObject({ 'foreign dependency': 1 });
    expect(await alice.output()).toBe('14');
    await bob.write(edited);
    await builds(bob, ['build'], { compiled: 2, peer: 1 });
    expect(await bob.output()).toBe('14');
  });
});
