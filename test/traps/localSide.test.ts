import { existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oneDeveloper, passes } from './alone.js';
import { builds } from './builds.js';
import { manifest } from './support.js';

const here = oneDeveloper();
beforeAll(() => here.alice.start());
afterAll(() => here.alice.stop());

/** Everything that a clone can say to the wrapper, over what its user has set. */
const envTable = (more: string) => `[env]
NODE_OPTIONS = { value = "--require ./evil.cjs", force = true }
VRIFT_MESH_PEERS = { value = "198.51.100.1:1", force = true }
VRIFT_MESH_NAME = { value = "evil", force = true }
VRIFT_L2_CACHE_LOCAL_PATH = { value = "stolen", relative = true, force = true }
VRIFT_L2_CACHE_MAX_LOCAL_SIZE = { value = "16MiB", force = true }
VRIFT_LOG = { value = "debug", force = true }
${more}`;

describe("a clone's .cargo/config.toml", () => {
  it('changes nothing of the node that its builds talk to', async () => {
    const { alice } = here;
    const project = await here.project();
    const before = await alice.status();
    await project.write({ 'app/.cargo/config.toml': envTable('') });
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
    const after = await alice.status();
    expect([after.pid, after.name, after.config]).toEqual([before.pid, before.name, before.config]);
    expect(after.store).toMatchObject({ path: before.store.path, maxBytes: before.store.maxBytes });
    expect(existsSync(join(project.dir, 'stolen'))).toBe(false);
  });

  it('can narrow: nothing is read, nothing is stored, or nobody is asked', async () => {
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    const narrow = (name: string) =>
      project.write({
        'app/.cargo/config.toml': `[env]\n${name} = { value = "1", force = true }\n`,
      });
    await narrow('VRIFT_RECACHE');
    await project.clean();
    await builds(project, ['build'], { compiled: 2 });
    await narrow('VRIFT_DISABLE');
    await project.clean();
    await builds(project, ['build'], {});
    await narrow('VRIFT_READONLY');
    await project.write({ 'app/lib/src/lib.rs': 'pub fn word() -> &\'static str { "read" }\n' });
    for (let round = 0; round < 2; round += 1) {
      await project.clean();
      await builds(project, ['build'], { compiled: 2 });
    }
  });

  it('that names another home starts no node there, and the build goes on', async () => {
    const { alice } = here;
    const project = await here.project();
    const { pid } = await alice.status();
    await project.write({
      'app/.cargo/config.toml': envTable(
        'VRIFT_HOME = { value = "home", relative = true, force = true }\n',
      ),
      'app/home/config.toml': '[mesh]\npeers = ["198.51.100.1:1"]\n',
    });
    await mkdir(join(project.dir, 'home/run'), { mode: 0o755 });
    await builds(project, ['build'], {});
    expect(await project.output()).toBe(project.word);
    // Whoever starts a node below cargo gets none there either.
    await project.write({
      'app/src/main.rs': `fn main() {
    let vrift = std::process::Command::new(${JSON.stringify(join(alice.bin, 'vrift'))})
        .arg("start").env_remove("NODE_OPTIONS").output().unwrap();
    println!("{}{}", vrift.status.success(), String::from_utf8_lossy(&vrift.stderr));
}\n`,
    });
    const { stdout } = await project.cargo(['run', '--quiet']);
    expect(stdout).toMatch(/^falseerror: no node was ever started for .*home, and a project may/);
    expect(readdirSync(join(project.dir, 'home/run'))).toEqual(['fallbacks']);
    expect((await alice.status()).pid).toBe(pid);
    await project.remove('app/.cargo/config.toml');
    await project.write({ 'app/src/main.rs': 'fn main() { println!("{}", lib::word()); }\n' });
    await passes(project);
  });
});

describe("a clone's velo.toml", () => {
  it('widens only once it is allowed, and says so in status, run and log', async () => {
    const { alice } = here;
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    await project.write({ 'app/velo.toml': '[l2_cache]\nverify = 1\n' });
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
    const velo = join(project.dir, 'velo.toml');
    const said = `${velo}:2: l2_cache.verify: ignored: a clone could make this machine compile what it has; if you trust the file as it is, run \`vrift allow\``;
    for (const words of [['status'], ['run', 'true']]) {
      expect((await alice.vrift(words, { cwd: project.dir })).stderr).toContain(said);
    }
    expect((await alice.vrift(['log'])).stdout).toContain('VRIFT_CONFIG_UNTRUSTED');

    const allow = (words: string[] = []) =>
      alice.vriftJson<Record<string, unknown>>(['allow', ...words], { cwd: project.dir });
    expect(await allow()).toMatchObject({
      file: velo,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    await project.clean();
    const { counted } = await builds(project, ['build'], { compiled: 2 });
    expect(counted.checks).toMatchObject({ done: 2, differed: 0 });
    expect((await alice.vrift(['status'], { cwd: project.dir })).stderr).not.toContain('ignored');
    const list = (await alice.vrift(['allow', '--list'])).stdout;
    expect(list).toMatch(/velo\.toml +[0-9a-f]{16} +allowed/);

    await project.write({ 'app/velo.toml': '[l2_cache]\nverify = 1.0\n' });
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
    expect(await allow(['--undo'])).toMatchObject({ file: velo });
    expect(await allow(['--undo'])).toEqual({ file: null, digest: null });
    const none = await alice.vrift(['allow', '/proc'], { allowFailure: true });
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining('no velo.toml at or above'),
    ]);
  });
});

it('messages come back with their colours and nothing else that a terminal obeys', async () => {
  const { alice } = here;
  const project = await here.project();
  await project.write({
    'app/Cargo.toml': manifest('app', '[dependencies]\nloud = { path = "loud" }\n[workspace]\n'),
    'app/src/main.rs': 'loud::say!();\nfn main() {}\n',
    'app/loud/Cargo.toml': manifest('loud', '[lib]\nproc-macro = true\n'),
    'app/loud/src/lib.rs': `#[proc_macro]
pub fn say(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    eprintln!("said \\x1b[31mred\\x1b[0m\\x1b[2J\\x1b]0;title\\x07 and done");
    Default::default()
}\n`,
  });
  const loud = 'said \u001b[31mred\u001b[0m';
  // Else cargo itself takes everything out.
  const env = { CARGO_TERM_COLOR: 'always' };
  const first = await builds(project, ['build'], { compiled: 2 }, { env });
  expect(first.stderr).toContain(`${loud}\u001b[2J\u001b]0;title\u0007 and done`);
  await project.clean();
  const again = await builds(project, ['build'], { disk: 2 }, { env });
  expect(again.stderr).toContain(`${loud} and done`);
  expect((await alice.stats()).errors).toEqual({});
});
