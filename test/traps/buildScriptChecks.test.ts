import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { again, builtAnew, first, withScript } from './buildScriptSupport.js';
import { type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const STEADY = 'println!("cargo:rerun-if-changed=build.rs"); "steady".into()';
/** Seeded by the system, and seen by no observer: the address that something was put at. */
const VARYING = `use std::hash::{BuildHasher, RandomState};
  println!("cargo:rerun-if-changed=build.rs");
  RandomState::new().hash_one(0).to_string()`;

const replays = async (project: Project, cwd = project.dir) => {
  const args = ['verify', '--replay', '--json', '--', '--offline'];
  const { stdout, code } = await project.developer.vrift(args, { cwd, allowFailure: true });
  return { ...(JSON.parse(stdout) as object), exitCode: code };
};

describe('vrift verify --replay', () => {
  it('runs again what would have been replayed, and leaves nothing behind', async () => {
    const project = await pair.one(withScript(STEADY));
    expect(await replays(project)).toEqual({
      same: 1,
      differs: 0,
      scripts: [{ package: 'app', ending: 'same', reason: '' }],
      exitCode: 0,
    });
    const left = readdirSync(project.dir).filter((name) => name.startsWith('.vrift'));
    expect(left).toEqual([]);
    expect(existsSync(join(project.dir, 'target'))).toBe(false);
    expect(await builtAnew(project)).toEqual(again('steady'));
  });

  it('finds a script that makes something else each time; that is not replayed any more', async () => {
    const project = await pair.one(withScript(VARYING));
    const { printed } = await builtAnew(project);
    expect(await builtAnew(project)).toEqual(again(printed));
    expect(await replays(project)).toMatchObject({ same: 0, differs: 1, exitCode: 1 });
    const folders = join(project.developer.vriftHome, 'log/differences');
    const [name = ''] = readdirSync(folders);
    const report = JSON.parse(readFileSync(join(folders, name, 'report.json'), 'utf8')) as object;
    expect(report).toMatchObject({
      unit: 'build script of app',
      differing: [{ what: 'told.txt' }],
    });
    expect((await builtAnew(project)).ran).toBe(1);
    expect((await builtAnew(project)).ran).toBe(1);
  });

  it('says why a script is not replayed', async () => {
    const project = await pair.one(
      withScript('let _ = std::net::TcpStream::connect("127.0.0.1:9"); "one".into()'),
    );
    expect(await replays(project)).toMatchObject({
      same: 0,
      scripts: [{ package: 'app', ending: 'not replayed', reason: 'network' }],
      exitCode: 0,
    });
  });

  it('says what to do outside of a workspace, and where the build fails', async () => {
    const project = await pair.one(withScript('"one".to_string() + nothing'));
    const failing = await replays(project);
    expect(failing).toMatchObject({ exitCode: 1, error: { code: 'VRIFT_BUILD_FAILED' } });
    expect(await replays(project, project.developer.home)).toMatchObject({
      exitCode: 1,
      error: { code: 'VRIFT_CARGO_CONFIG' },
    });
  });
});

describe('VRIFT_VERIFY=1', () => {
  it('checks what build scripts did as well', async () => {
    const project = await pair.one(withScript(STEADY));
    await builtAnew(project);
    await project.clean();
    const { checks, scripts, errors } = await project.count(['build'], {
      env: { VRIFT_VERIFY: '1' },
    });
    expect({ checks, errors }).toEqual({
      checks: { done: 2, differed: 0, skipped: 0 },
      errors: {},
    });
    expect(scripts).toMatchObject({ ran: 1, checks: { done: 1, differed: 0, skipped: 0 } });
  });
});

describe('a large file of OUT_DIR that was damaged in the store', () => {
  const body = `
    println!("cargo:rerun-if-changed=build.rs");
    fs::write(format!("{out}/large.bin"), "as the script wrote it ".repeat(10_000)).unwrap();
    "made".into()`;

  /** Its blob: with other bytes, and the times and size that it had. */
  async function mangle({ developer }: Project): Promise<void> {
    const store = join(developer.vriftHome, 'l2');
    const paths = readdirSync(store, { recursive: true }).map((name) => join(store, String(name)));
    const isMeant = (path: string) =>
      statSync(path).size === 230_000 && readFileSync(path).includes('as the script wrote it');
    const [blob = ''] = paths.filter((path) => statSync(path).isFile() && isMeant(path));
    const { mtimeNs } = statSync(blob, { bigint: true });
    const bytes = readFileSync(blob);
    bytes.write('mangled');
    chmodSync(blob, 0o600);
    writeFileSync(blob, bytes);
    const rest = String(mtimeNs % 1_000_000_000n).padStart(9, '0');
    await developer.run('touch', ['-d', `@${mtimeNs / 1_000_000_000n}.${rest}`, blob]);
  }

  const large = async ({ dir }: Project) => {
    const [name = ''] = readdirSync(join(dir, 'target/debug/build')).filter((one) =>
      existsSync(join(dir, 'target/debug/build', one, 'out')),
    );
    return readFileSync(join(dir, 'target/debug/build', name, 'out/large.bin'), 'utf8');
  };

  it('is found by a self-check: what the script makes now stands, and is stored anew', async () => {
    const project = await pair.one(withScript(body));
    expect(await builtAnew(project)).toEqual(first('made'));
    await mangle(project);
    const env = { VRIFT_VERIFY: 'scripts' };
    expect(await builtAnew(project, { env })).toEqual(first('made'));
    const { errors } = await project.developer.stats();
    expect(errors).toEqual({ VRIFT_VERIFY_DIFFERS: 1, VRIFT_STORE_CORRUPT: 1 });
    expect(await large(project)).toMatch(/^as the script/);
    expect(await builtAnew(project)).toEqual(again('made'));
    expect(await large(project)).toMatch(/^as the script/);
  });

  it('is a miss once it is gone', async () => {
    const project = await pair.one(withScript(body.replace('"made"', '"gone"')));
    expect(await builtAnew(project)).toEqual(first('gone'));
    const store = join(project.developer.vriftHome, 'l2');
    for (const name of readdirSync(store, { recursive: true })) {
      const path = join(store, String(name));
      if (statSync(path).isFile() && statSync(path).size === 230_000) rmSync(path);
    }
    expect(await builtAnew(project)).toEqual(first('gone'));
    expect(await builtAnew(project)).toEqual(again('gone'));
    expect(await large(project)).toHaveLength(230_000);
  });
});

describe('run_scripts', () => {
  it('in velo.toml: build scripts of these packages run each time', async () => {
    const project = await pair.one(
      withScript(STEADY.replace('"steady"', '"chosen"'), {
        'app/velo.toml': '[l2_cache]\nrun_scripts = ["ap*"]\n',
      }),
    );
    expect(await builtAnew(project)).toEqual(first('chosen'));
    expect(await builtAnew(project)).toEqual(first('chosen'));
    const { scripts } = await project.developer.stats();
    expect(scripts.refused).toEqual({ 'switched off': 1 });
    await project.write({ 'app/velo.toml': '[l2_cache]\nrun_scripts = ["other"]\n' });
    expect(await builtAnew(project)).toEqual(first('chosen'));
    expect(await builtAnew(project)).toEqual(again('chosen'));
  });
});
