import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { errnoOf } from '../../wire/failure.js';

export interface ChildEnd {
  /** As a shell reports it: 128 + n for signal n, 126 and 127 for a command that did not start. */
  exitCode: number;
  /** Why it did not start. */
  problem?: string;
}

export interface ChildOptions {
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Ctrl-C reaches the whole foreground group: passing it on as well would say it twice. */
  terminal: boolean;
}

const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT'] as const;

/** Runs a command as if it had been called directly: same terminal, streams and jobserver. */
export function runChild(command: readonly string[], options: ChildOptions): Promise<ChildEnd> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const { env, cwd } = options;
    // Before the command begins: once it runs, whoever saw it may send a signal.
    const handlers = signalHandlers(() => child, options.terminal);
    for (const [name, handler] of handlers) process.on(name, handler);
    const child = spawn(program, args, { env, cwd, stdio: stdioWithJobserver(env) });
    const finish = (end: ChildEnd) => {
      for (const [name, handler] of handlers) process.off(name, handler);
      resolve(end);
    };
    child.on('error', (error) => finish(notStarted(program, error)));
    child.on('exit', (code, signal) => {
      const number = signal === null ? 0 : constants.signals[signal];
      finish({ exitCode: code ?? 128 + number });
    });
  });
}

function signalHandlers(
  child: () => ChildProcess,
  terminal: boolean,
): [NodeJS.Signals, (name: NodeJS.Signals) => void][] {
  const passOn = (name: NodeJS.Signals) => void child().kill(name);
  return [
    ...PASSED_ON.map((name): [NodeJS.Signals, typeof passOn] => [name, passOn]),
    ...FROM_TERMINAL.map((name): [NodeJS.Signals, typeof passOn] => [
      name,
      terminal ? () => {} : passOn,
    ]),
  ];
}

/** Node closes what it inherited: the descriptors of make's jobserver have to be named. */
function stdioWithJobserver(env: NodeJS.ProcessEnv): SpawnOptions['stdio'] {
  const stdio: ('inherit' | 'ignore' | number)[] = ['inherit', 'inherit', 'inherit'];
  const match = /--jobserver-(?:auth|fds)=(\d+),(\d+)/.exec(env.MAKEFLAGS ?? '');
  const wanted = [Number(match?.[1]), Number(match?.[2])].filter((fd) => fd > 2 && fd < 256);
  for (let fd = 3; fd <= Math.max(0, ...wanted); fd += 1) {
    stdio.push(wanted.includes(fd) ? fd : 'ignore');
  }
  return stdio;
}

function notStarted(program: string, error: Error): ChildEnd {
  const errno = errnoOf(error);
  if (errno === 'ENOENT') return { exitCode: 127, problem: `${program}: command not found` };
  return { exitCode: 126, problem: `${program}: cannot be run: ${errno ?? error.message}` };
}
