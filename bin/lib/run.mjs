import { spawn } from 'node:child_process';

/** A command that did not end with 0; `output` holds what it printed when that was captured. */
export class CommandFailed extends Error {
  constructor(command, { code, signal, output }) {
    const ending = signal ? `was ended by ${signal}` : `ended with ${code}`;
    super(`${command.join(' ')} ${ending}${output ? `:\n${output.trimEnd()}` : ''}`);
    this.name = 'CommandFailed';
    this.code = code;
    this.output = output;
  }
}

/**
 * Runs a command to its end and returns what it printed. `show` passes both streams through to
 * this terminal instead. `input` is written to its stdin.
 *
 * @throws CommandFailed unless it ends with 0 or `allowFailure` is set
 */
export function run(command, { cwd, env, show = false, input, allowFailure = false, signal } = {}) {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env,
      signal,
      stdio: [
        input === undefined ? 'ignore' : 'pipe',
        ...(show ? ['inherit', 'inherit'] : ['pipe', 'pipe']),
      ],
    });
    const stdout = [];
    const stderr = [];
    child.stdout?.on('data', (chunk) => stdout.push(chunk));
    child.stderr?.on('data', (chunk) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signalName) => {
      const result = {
        code,
        signal: signalName,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      };
      if (code === 0 || allowFailure) resolve(result);
      else {
        const output = result.stderr + result.stdout;
        reject(new CommandFailed(command, { code, signal: signalName, output }));
      }
    });
    if (input !== undefined) {
      // A program that does not read its stdin is judged by its exit code.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    }
  });
}
