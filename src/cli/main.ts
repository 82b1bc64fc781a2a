import { errnoOf } from '../wire/failure.js';
import { nodeOf } from './node.js';
import { printFailure } from './output.js';
import { runProgram } from './program.js';

const { stdout, stderr, stdin, env } = process;

// `vrift peers | head -1`: whoever reads has read enough.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error) => {
    if (errnoOf(error) !== 'EPIPE') throw error;
    process.exit(0);
  });
}

try {
  await runProgram(process.argv.slice(2), {
    stdout,
    stderr,
    stdin,
    env,
    node: nodeOf(env),
    cwd: process.cwd(),
    exit: (code) => {
      process.exitCode = code;
    },
  });
} catch (error) {
  process.exitCode = printFailure(error, false, { stdout, stderr, env });
}
