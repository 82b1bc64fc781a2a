import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
