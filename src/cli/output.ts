import { toVriftError, type VriftError } from '../wire/failure.js';
import { printable } from '../wire/printable.js';
import type { ErrorInfo } from '../wire/settings.js';

/** What a command found out, for a script and for a person. */
export interface Answer {
  json: unknown;
  /** Lines for stdout; without the last line break. */
  text: string;
  /** Shown on stderr, and only to a person. */
  notes?: readonly string[];
  /** 0, unless the answer itself says that something is wrong. */
  exitCode?: number;
}

export interface Streams {
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  env: NodeJS.ProcessEnv;
}

export function printAnswer(answer: Answer, json: boolean, streams: Streams): number {
  if (json) streams.stdout.write(`${JSON.stringify(answer.json)}\n`);
  else {
    if (answer.text !== '') streams.stdout.write(`${answer.text}\n`);
    for (const note of answer.notes ?? []) streams.stderr.write(`${note}\n`);
  }
  return answer.exitCode ?? 0;
}

/** @returns the exit code: 2 for wrong usage, else 1 */
export function printFailure(thrown: unknown, json: boolean, streams: Streams): number {
  const failure = toVriftError(thrown);
  if (json) streams.stdout.write(`${JSON.stringify({ error: errorInfo(failure) })}\n`);
  else streams.stderr.write(`${errorText(failure, colored(streams.stderr, streams.env))}\n`);
  return failure.code === 'VRIFT_USAGE' ? 2 : 1;
}

export function errorText({ message, hint }: ErrorInfo, color = false): string {
  const red = color ? '\u001b[31merror:\u001b[0m' : 'error:';
  return `${red} ${printable(message)}\n  next: ${hint}`;
}

export function warningText({ message, hint }: ErrorInfo): string {
  return `warning: ${printable(message)}\n  next: ${hint}`;
}

/** Colours are for terminals whose owner has not switched them off (https://no-color.org). */
export function colored(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

function errorInfo({ code, message, hint }: VriftError): ErrorInfo {
  return { code, message, hint };
}
