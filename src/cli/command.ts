import type { Command } from 'commander';
import { VriftError } from '../wire/failure.js';
import type { NodeHandle } from './node.js';
import { type Answer, printAnswer, printFailure, type Streams } from './output.js';

/** What every command is given. */
export interface Cli extends Streams {
  node: NodeHandle;
  cwd: string;
  stdin: NodeJS.ReadStream;
  /** How this call ends. */
  exit(code: number): void;
}

/** Adds a command with `--json` and an example to its parent. */
export function addCommand(
  parent: Command,
  usage: string,
  summary: string,
  example: string,
): Command {
  return parent
    .command(usage)
    .description(summary)
    .option('--json', 'print one JSON document')
    .addHelpText('after', `\nExample:\n  ${example.replaceAll('\n', '\n  ')}`);
}

/** Prints what the work answers or throws, and sets the exit code. */
export async function answerWith(
  cli: Cli,
  options: { json?: boolean },
  work: () => Promise<Answer>,
): Promise<void> {
  const json = options.json === true;
  try {
    cli.exit(printAnswer(await work(), json, cli));
  } catch (error) {
    cli.exit(printFailure(error, json, cli));
  }
}

export function usageError(message: string): VriftError {
  return new VriftError('VRIFT_USAGE', message);
}
