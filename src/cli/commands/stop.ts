import type { Command } from 'commander';
import { toVriftError } from '../../wire/failure.js';
import { addCommand, answerWith, type Cli } from '../command.js';

/** Open calls are given some seconds to end. */
const STOP_MS = 30_000;

export function addStop(program: Command, cli: Cli): void {
  addCommand(program, 'stop', 'stop the node; builds go on without it', 'vrift stop').action(
    (flags: { json?: boolean }) =>
      answerWith(cli, flags, async () => {
        const stopped = await stop(cli);
        return { json: { stopped }, text: stopped ? 'stopped' : 'no node was running' };
      }),
  );
}

async function stop(cli: Cli): Promise<boolean> {
  let running = false;
  const onConnect = () => {
    running = true;
  };
  try {
    await cli.node.ask('stop', {}, { timeoutMs: STOP_MS, onConnect });
  } catch (error) {
    // One that ends without a word has stopped as well.
    if (toVriftError(error).code !== 'VRIFT_NODE_ABSENT') throw error;
  }
  return running;
}
