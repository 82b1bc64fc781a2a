import type { Command } from 'commander';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import { printFailure } from '../output.js';
import { serveHere } from '../serve.js';
import { pairs } from '../table.js';
import { shortId } from '../words.js';

interface StartFlags {
  json?: boolean;
  foreground?: boolean;
}

export function addStart(program: Command, cli: Cli): void {
  addCommand(program, 'start', 'start the node; fine when it runs already', 'vrift start')
    .option('--foreground', 'stay here and log to stderr, until Ctrl-C')
    .action((flags: StartFlags) => {
      return flags.foreground === true ? stayHere(cli, flags) : start(cli, flags);
    });
}

function start(cli: Cli, flags: StartFlags): Promise<void> {
  return answerWith(cli, flags, async () => {
    const info = await cli.node.start();
    const port = info.port === null ? 'no mesh listener' : `port ${info.port}`;
    return {
      json: info,
      text: pairs([
        ['node', `${shortId(info.node)}, pid ${info.pid}, ${port}`],
        ['home', info.home],
      ]),
    };
  });
}

/** Ends when the node does; what is still open in this process does not matter then. */
async function stayHere(cli: Cli, flags: StartFlags): Promise<void> {
  if (flags.json === true) {
    const failure = usageError('--json does not go with --foreground: there is no answer to print');
    return cli.exit(printFailure(failure, true, cli));
  }
  try {
    await serveHere({ home: cli.node.home, env: cli.env });
    process.exit(0);
  } catch (error) {
    process.exit(printFailure(error, false, cli));
  }
}
