import { lstatSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { VERSION } from '../../src/wire/version.js';
import { runProgram } from '../harness/programs.js';
import { PROJECT_ROOT } from '../harness/project.js';

const LONG_MS = 240_000;

describe('the package', () => {
  let scratch: string;
  let prefix: string;
  let tarball: string;

  beforeAll(async () => {
    expect(inject('buildError')).toBeNull();
    scratch = await mkdtemp(join(tmpdir(), 'vrift-pack-'));
    prefix = join(scratch, 'prefix');
    const env = { ...process.env, npm_config_loglevel: 'error' };
    await runProgram('npm', ['pack', '--pack-destination', scratch], {
      cwd: PROJECT_ROOT,
      env,
      timeoutMs: LONG_MS,
    });
    tarball = join(scratch, (await readdir(scratch)).find((name) => name.endsWith('.tgz'))!);
    await runProgram(
      'npm',
      ['install', '--global', '--prefix', prefix, '--prefer-offline', tarball],
      { cwd: scratch, env, timeoutMs: LONG_MS },
    );
  }, LONG_MS);

  afterAll(async () => {
    if (scratch) await rm(scratch, { recursive: true, force: true });
  });

  const installed = (...parts: string[]) => join(prefix, 'lib', 'node_modules', 'vrift', ...parts);
  const program = (name: string) => join(prefix, 'bin', name);

  it('gives both commands', async () => {
    const vrift = await runProgram(program('vrift'), ['--version'], { cwd: scratch });
    expect(vrift.stdout).toContain(VERSION);
    const launcher = await runProgram(program('vrift-rustc'), ['--version'], { cwd: scratch });
    expect(launcher.stdout).toBe(`vrift-rustc ${VERSION}\n`);
  });

  it('compiles through the installed launcher and node', async () => {
    const home = join(scratch, 'home');
    const env = { ...process.env, VRIFT_HOME: home, CARGO_HOME: join(scratch, 'cargo') };
    await writeFile(join(scratch, 'one.rs'), 'pub fn one() -> u32 { 1 }\n');
    try {
      await runProgram(program('vrift'), ['start'], { cwd: scratch, env });
      const args = ['rustc', '--crate-name', 'one', '--crate-type', 'lib', 'one.rs'];
      const full = [...args, '--emit=dep-info,metadata,link', '--out-dir', scratch];
      await runProgram(program('vrift-rustc'), full, { cwd: scratch, env });
      expect(lstatSync(join(scratch, 'libone.rlib')).size).toBeGreaterThan(0);
    } finally {
      await runProgram(program('vrift'), ['stop'], { cwd: scratch, env });
    }
  });

  it('holds what users need and nothing else', async () => {
    const top = (await readdir(installed())).filter((name) => name !== 'node_modules');
    const expected = [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'dist',
      'docs',
      'package.json',
    ];
    expect(top.toSorted()).toEqual([...expected, 'src'].toSorted());
    expect((await readdir(installed('src'))).toSorted()).toEqual(['launcher', 'observer']);
    expect((await readdir(installed('bin'))).toSorted()).toEqual(
      [
        'build-launcher.mjs',
        'build-observer.mjs',
        'install.mjs',
        'lib',
        'vrift',
        'vrift-observer.so',
        'vrift-rustc',
      ].toSorted(),
    );
  });

  it('builds the launcher where the one in the package does not run', async () => {
    const launcher = installed('bin', 'vrift-rustc');
    await writeFile(launcher, 'another platform\n');
    await chmod(launcher, 0o755);
    await runProgram(process.execPath, [installed('bin', 'install.mjs')]);
    const { stdout } = await runProgram(program('vrift-rustc'), ['--version']);
    expect(stdout).toContain(VERSION);
  });

  it('says what to do where there is no rustc, and does not fail', async () => {
    const launcher = installed('bin', 'vrift-rustc');
    await writeFile(launcher, 'another platform\n');
    await chmod(launcher, 0o755);
    const { code, stderr } = await runProgram(process.execPath, [installed('bin', 'install.mjs')], {
      env: { PATH: '/nonexistent', HOME: scratch, RUSTC: 'no-such-rustc' },
    });
    expect(code).toBe(0);
    expect(stderr).toContain('rustup.rs');
    expect(stderr).toContain('install.mjs');
    expect(await readFile(launcher, 'utf8')).toBe('another platform\n');
  });
});
