import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Developer } from '../harness/developer.js';
import { type Files, manifest, Project } from './support.js';

let carol: Developer;
let log = '';
let projects = 0;

beforeAll(async () => {
  carol = await Developer.create('carol', { workspace: 'bound', ownToolchain: true });
  await carol.start();
  // The compiler of her own toolchain, behind a script that writes down each call.
  const bin = join(carol.root, 'toolchain/bin');
  log = join(carol.root, 'calls');
  await rename(join(bin, 'rustc'), join(bin, 'rustc-real'));
  const script = `#!/bin/sh\nread by < /proc/$PPID/comm\necho "$by: $@" >> ${log}\nexec ${bin}/rustc-real "$@"\n`;
  await writeFile(join(bin, 'rustc'), script, { mode: 0o755 });
}, 120_000);
afterAll(() => carol?.dispose());

const one = (files: Files) => new Project(carol, join(carol.root, `p${++projects}`)).write(files);

/** What was asked of the compiler for cargo since the last time: the node has a question of its own. */
async function questions(): Promise<string[]> {
  const text = await readFile(log, 'utf8');
  await writeFile(log, '');
  return text.split('\n').filter((line) => /^(?!vriftd).*: (-vV$|- )/.test(line));
}

const PROGRAM = {
  'app/Cargo.toml': `${manifest('app')}[workspace]\n`,
  'app/src/main.rs':
    'fn main() { print!("{}", if cfg!(vr_told) { "told" } else if cfg!(target_feature = "avx2") { "avx2" } else { "plain" }); }\n',
};

describe("cargo's questions to the compiler", () => {
  it('are answered in a new target directory without it, and cargo builds the same', async () => {
    const project = await one(PROGRAM);
    await project.cargo(['build']);
    expect((await questions()).length).toBeGreaterThan(0);
    await project.clean();
    const { probes } = await project.count(['build']);
    expect(await questions()).toEqual([]);
    expect(probes).toBeGreaterThan(0);
    expect(await project.output()).toBe('plain');
    const { stderr } = await project.cargo(['build']);
    expect(stderr).not.toMatch(/Compiling|Dirty/);
  });

  it('are asked again with other flags', async () => {
    const project = await one(PROGRAM);
    const build = async (flags: string) => {
      await project.clean();
      await project.cargo(['build'], { env: { RUSTFLAGS: flags } });
      return [await project.output(), (await questions()).length > 0];
    };
    expect(await build('-C target-feature=+avx2')).toEqual(['avx2', true]);
    expect(await build('--cfg vr_told')).toEqual(['told', true]);
    expect(await build('-C target-feature=+avx2')).toEqual(['avx2', false]);
    expect(await build('--cfg vr_told')).toEqual(['told', false]);
  });

  it('reach the compiler where it is another one, or is to be asked anew', async () => {
    const project = await one(PROGRAM);
    const asked = async (more: Record<string, string> = {}) => {
      await project.clean();
      await project.cargo(['build'], { env: more });
      return (await questions()).length > 0;
    };
    await asked();
    expect(await asked()).toBe(false);
    expect(await asked({ VRIFT_RECACHE: '1' })).toBe(true);
    const rustc = join(carol.root, 'toolchain/bin/rustc');
    await writeFile(`${rustc}.new`, `${await readFile(rustc, 'utf8')}# another\n`, { mode: 0o755 });
    await rename(`${rustc}.new`, rustc);
    expect(await asked()).toBe(true);
    await project.write({ 'app/velo.toml': '[l2_cache]\nenabled = false\n' });
    expect(await asked()).toBe(true);
  });

  it('and sources on standard input are the compiler\u2019s', async () => {
    const project = await one(PROGRAM);
    const { developer, dir } = project;
    const launcher = join(developer.bin, 'vrift-rustc');
    const args = ['rustc', '-', '--crate-name', 'x', '--crate-type=lib', '--emit=metadata=x.rmeta'];
    const ask = (input: string) =>
      developer.run(launcher, args, { cwd: dir, input, allowFailure: true });
    expect((await ask('pub fn a() {}')).code).toBe(0);
    expect((await ask('pub fn a() { nonsense }')).code).toBe(1);
  });
});
