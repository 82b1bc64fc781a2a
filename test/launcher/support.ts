import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const LAUNCHER = join(ROOT, 'bin', 'vrift-rustc');

/** Makes sure that the program under test is that of these sources. */
export function buildLauncher(): void {
  execFileSync(process.execPath, [join(ROOT, 'bin', 'build-launcher.mjs')], { stdio: 'pipe' });
}

/** A VRIFT_HOME as a node leaves it, and a directory to work in. */
export class Place implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'vr-'));
  readonly home = join(this.root, 'home');
  readonly work = join(this.root, 'work');

  constructor() {
    mkdirSync(join(this.home, 'run'), { recursive: true, mode: 0o700 });
    mkdirSync(this.work);
  }

  /** The reasons that launchers noted, in their order. */
  fallbacks(): string[] {
    const path = join(this.home, 'run', 'fallbacks');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
}

export interface LaunchOptions {
  env?: Record<string, string>;
  stdin?: string;
  /** A shell command that ends in the launcher: `umask 077; exec "$@"`. */
  through?: string;
}

export interface Launched {
  process: ChildProcessWithoutNullStreams;
  ended: Promise<Ended>;
}

/** Starts the launcher with `call` as its arguments, as cargo would. */
export function start(place: Place, call: string[], options: LaunchOptions = {}): Launched {
  const { env = {}, stdin = '', through = 'exec "$@"' } = options;
  const process = spawn('/bin/bash', ['--norc', '-c', through, 'bash', LAUNCHER, ...call], {
    cwd: place.work,
    env: { PATH: '/usr/bin:/bin', VRIFT_HOME: place.home, ...env },
  });
  const startedMs = performance.now();
  let stdout = '';
  let stderr = '';
  process.stdout.setEncoding('latin1').on('data', (text) => {
    stdout += text;
  });
  process.stderr.setEncoding('latin1').on('data', (text) => {
    stderr += text;
  });
  process.stdin.on('error', () => {});
  process.stdin.end(stdin);
  const ended = new Promise<Ended>((resolve, reject) => {
    process.on('error', reject);
    process.on('close', (code, signal) =>
      resolve({ code, signal, stdout, stderr, ms: performance.now() - startedMs }),
    );
  });
  return { process, ended };
}

export function launch(place: Place, call: string[], options?: LaunchOptions): Promise<Ended> {
  return start(place, call, options).ended;
}

/** What the compiler does that stands for "the build went on without vrift". */
export const DIRECT = ['/bin/sh', '-c', 'echo compiled directly; exit 7'];
export const DIRECTLY = { code: 7, stdout: 'compiled directly\n', stderr: '' };

/** Whether the process is there, and not just waiting for its parent to look. */
export function isRunning(pid: number): boolean {
  try {
    const [, state] = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))!;
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

/** Waits until `condition` holds, for at most `forMs`. */
export async function until(condition: () => boolean, forMs = 3000): Promise<void> {
  const end = performance.now() + forMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${forMs} ms: ${condition}`);
    await sleep(10);
  }
}
