import { type ChildProcess, spawn } from 'node:child_process';

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  /** Ends the program with SIGKILL and fails the test. */
  timeoutMs?: number;
  /** Without it, an exit code other than 0 throws with all that the program said. */
  allowFailure?: boolean;
  /** Sees each line of stderr as it comes. */
  onLine?: (line: string) => void;
}

/** Runs a program to its end; several lines of waiting and collecting that every test needs. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: 'pipe' });
  return finish(child, [program, ...args].join(' '), options);
}

function finish(child: ChildProcess, name: string, options: RunOptions): Promise<Finished> {
  const { timeoutMs = 120_000, input = '', onLine } = options;
  let stdout = '';
  let stderr = '';
  let partial = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  // A program that does not read its stdin is judged by its exit code.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => fail(new Error(`${name} took longer than ${timeoutMs} ms\n${stderr}${stdout}`)),
      timeoutMs,
    );
    const fail = (error: unknown) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(error);
    };
    child.on('error', fail);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      try {
        for (const line of lines) onLine?.(line);
      } catch (error) {
        fail(error);
      }
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || options.allowFailure) resolve({ code, signal, stdout, stderr });
      else reject(new Error(`${name} ended with ${signal ?? code}\n${stderr}${stdout}`));
    });
  });
}

/** Polls until `condition` holds; for what other processes do in their own time. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
