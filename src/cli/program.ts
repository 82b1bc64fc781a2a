import { Command, CommanderError } from 'commander';
import { VERSION } from '../wire/version.js';
import { type Cli, usageError } from './command.js';
import { addAllow } from './commands/allow.js';
import { addGc } from './commands/gc.js';
import { addInit } from './commands/init.js';
import { addLog } from './commands/log.js';
import { addMesh } from './commands/mesh.js';
import { addMeshTrust } from './commands/meshTrust.js';
import { addPeers } from './commands/peers.js';
import { addRun } from './commands/run.js';
import { addStart } from './commands/start.js';
import { addStats } from './commands/stats.js';
import { addStatus } from './commands/status.js';
import { addStop } from './commands/stop.js';
import { addVerify } from './commands/verify.js';
import { addWhy } from './commands/why.js';
import { printFailure } from './output.js';

/** Parses and runs one command line. Every ending has set the exit code. */
export async function runProgram(args: readonly string[], cli: Cli): Promise<void> {
  const program = build(cli);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return cli.exit(0);
    // With no command at all, commander has shown the help.
    if (error.code === 'commander.help') return cli.exit(2);
    cli.exit(printFailure(usageError(error.message.replace(/^error: /, '')), asksJson(args), cli));
  }
}

function build(cli: Cli): Command {
  const program = new Command('vrift')
    .description('A peer-to-peer compile cache for the office LAN.')
    .version(VERSION)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      outputError: () => {},
    })
    .addHelpText(
      'after',
      '\nFirst day:\n  vrift mesh join\n  vrift init\n  cargo build\n  vrift stats',
    );
  const adders = [addStart, addStop, addStatus, addRun, addInit, addMesh, addPeers, addStats];
  const more = [addMeshTrust, addWhy, addGc, addVerify, addAllow, addLog];
  for (const add of [...adders, ...more]) add(program, cli);
  return program;
}

function asksJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}
