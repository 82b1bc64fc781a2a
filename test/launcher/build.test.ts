import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildLauncher, LAUNCHER } from './support.js';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('../../bin/build-launcher.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/launcher/main.rs', import.meta.url));

beforeAll(buildLauncher);

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'vr-'));
  return () => rmSync(scratch, { recursive: true });
});

describe('the build of the launcher', () => {
  it('does nothing when the program is newer than its sources', async () => {
    const before = statSync(LAUNCHER);
    const { stdout } = await run(process.execPath, [SCRIPT]);
    expect(stdout).toMatch(/is up to date/);
    expect(statSync(LAUNCHER).ino).toBe(before.ino);
  });

  it('names the next step where no compiler is', async () => {
    const env = { PATH: process.env.PATH, RUSTC: join(scratch, 'rustc') };
    const failed = await run(process.execPath, [SCRIPT, '--force'], { env }).catch(
      (error) => error,
    );
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/rustup\.rs.*then run: node bin\/build-launcher\.mjs\n$/s);
    expect(statSync(LAUNCHER).isFile()).toBe(true);
  });
});

describe('the program', () => {
  it('holds no path of the machine that built it', () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    expect(readFileSync(LAUNCHER).includes(root)).toBe(false);
    expect(readFileSync(LAUNCHER).includes('src/launcher/')).toBe(true);
  });
});

describe('the sources of the launcher', () => {
  it('compile without a warning and pass their own tests', async () => {
    const tests = join(scratch, 'tests');
    const flags = ['--edition', '2021', '-D', 'warnings'];
    const test = ['--test', '-A', 'dead_code', '-o', tests, MAIN];
    await Promise.all([
      run('rustc', [...flags, '--emit=metadata', '--out-dir', scratch, MAIN]),
      run('rustc', [...flags, ...test]),
    ]);
    expect((await run(tests)).stdout).toMatch(/test result: ok/);
  }, 60_000);
});
