import type { Command } from 'commander';
import { parseDuration, parseSize } from '../../wire/units.js';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import { bytesText, countText } from '../words.js';

interface GcFlags {
  json?: boolean;
  maxSize?: string;
  olderThan?: string;
  all?: boolean;
}

interface GcInfo {
  freedBytes: number;
  results: number;
  blobs: number;
}

export function addGc(program: Command, cli: Cli): void {
  addCommand(
    program,
    'gc',
    'evict from the store now',
    'vrift gc --older-than 30d\nvrift gc --max-size 10GB',
  )
    .option('--max-size <size>', 'evict the least recently used down to this size')
    .option('--older-than <age>', 'evict what was not used for this long (12h, 30d)')
    .option('--all', 'evict everything')
    .action((flags: GcFlags) =>
      answerWith(cli, flags, async () => {
        const params = {
          maxBytes: read(flags.maxSize, parseSize, '--max-size takes a size like 10GB'),
          olderThanMs: read(flags.olderThan, parseDuration, '--older-than takes an age like 30d'),
          all: flags.all === true,
        };
        const info = (await cli.node.ask('gc', params, patient(cli))) as GcInfo;
        const gone = `${countText(info.results, 'result')} and ${countText(info.blobs, 'blob')}`;
        return { json: info, text: `freed ${bytesText(info.freedBytes)}: ${gone}` };
      }),
    );
}

/** Work over the whole store takes as long as it takes, and says how far it is. */
export function patient(cli: Cli): { timeoutMs: number; onProgress: (message: string) => void } {
  return {
    timeoutMs: 24 * 3_600_000,
    onProgress: (message) => {
      if (cli.stderr.isTTY) cli.stderr.write(`${message}\n`);
    },
  };
}

function read(
  text: string | undefined,
  parse: (text: string) => number | undefined,
  expected: string,
): number | undefined {
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value === undefined) throw usageError(`${expected}, not "${text}"`);
  return value;
}
