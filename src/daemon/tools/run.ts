import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Environment } from '../../keying/ports.js';

/** Nothing that is asked here takes a second; a tool that hangs must not hold up the node. */
const TIMEOUT_MS = 15_000;

const PASSED_ON = ['PATH', 'HOME', 'LIBRARY_PATH', 'COMPILER_PATH', 'GCC_EXEC_PREFIX', 'TMPDIR'];

/** Runs a tool for what it says about itself; undefined when it fails or says nothing in time. */
export function ask(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Environment,
  more: readonly string[] = [],
): Promise<string | undefined> {
  const passed: Record<string, string> = { LC_ALL: 'C' };
  for (const name of [...PASSED_ON, ...more]) {
    const value = env.get(name);
    if (value !== undefined) passed[name] = value;
  }
  return new Promise((settle) => {
    const limits = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 4 << 20 } as const;
    const child = execFile(program, [...args], { cwd, env: passed, ...limits }, (error, stdout) => {
      settle(error === null ? stdout : undefined);
    });
    child.stdin?.end();
  });
}

/** The file that running `program` would start: by path, or searched for as execvp does. */
export function findProgram(program: string, cwd: string, env: Environment): string | undefined {
  if (program.includes('/')) {
    const path = isAbsolute(program) ? program : resolve(cwd, program);
    return isExecutable(path) ? path : undefined;
  }
  for (const dir of (env.get('PATH') ?? '').split(delimiter)) {
    const path = join(resolve(cwd, dir), program);
    if (isExecutable(path)) return path;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
}
