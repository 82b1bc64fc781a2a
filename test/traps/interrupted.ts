import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../harness/programs.js';
import type { Project } from './support.js';

/** Cargo in a process group of its own, as in a terminal; `kill` reaches the whole group. */
export function start(
  project: Project,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const wrapper = { RUSTC_WRAPPER: join(project.developer.bin, 'vrift-rustc') };
  const child = spawn('cargo', args, {
    cwd: project.dir,
    env: { ...project.developer.env, ...wrapper, ...env },
    stdio: 'ignore',
    detached: true,
  });
  child.kill = (signal) => process.kill(-child.pid!, signal);
  return child;
}

export function untilFile(path: string): Promise<boolean> {
  return until(`${path} is there`, () => existsSync(path));
}

/** How it ended, and after how many milliseconds from now. */
export async function ending(
  child: ChildProcess,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; ms: number }> {
  const asked = performance.now();
  const { exitCode, signalCode } = child;
  if (exitCode !== null || signalCode !== null)
    return { code: exitCode, signal: signalCode, ms: 0 };
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal, ms: performance.now() - asked }));
  });
}

/** Command lines of living processes that name a path. */
export async function processesOf(path: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(path));
}
