import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { homePaths } from '../../wire/home.js';
import { printableLines } from '../../wire/printable.js';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import { printFailure } from '../output.js';

interface LogFlags {
  json?: boolean;
  follow?: boolean;
  lines: string;
}

interface LogLine {
  time: string;
  level: string;
  event: string;
  text: string;
}

const POLL_MS = 200;

export function addLog(program: Command, cli: Cli): void {
  addCommand(program, 'log', 'what the node did, one line per event', 'vrift log -f')
    .option('-f, --follow', 'go on with what is yet to come')
    .option('-n, --lines <count>', 'how many of the latest lines', '100')
    .action(async (flags: LogFlags) => {
      const file = homePaths(cli.node.home).log;
      const count = Number(flags.lines);
      if (!/^\d+$/.test(flags.lines)) {
        const failure = usageError(`--lines takes a number, not "${flags.lines}"`);
        return cli.exit(printFailure(failure, flags.json === true, cli));
      }
      if (flags.json === true && flags.follow === true) {
        const failure = usageError('--json does not go with --follow: it would never end');
        return cli.exit(printFailure(failure, true, cli));
      }
      await answerWith(cli, flags, async () => {
        const lines = lastLines(file, count);
        return { json: lines.map(parseLine), text: printableLines(lines.join('\n')) };
      });
      if (flags.follow === true) await follow(file, cli);
    });
}

/** From the present file and, where that is too short, the one before. */
function lastLines(file: string, count: number): string[] {
  if (count === 0) return [];
  const present = linesOf(file);
  const lines = present.length >= count ? present : [...linesOf(`${file}.1`), ...present];
  return lines.slice(-count);
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

function parseLine(line: string): LogLine {
  const [, time = '', level = '', event = '', text = ''] =
    /^(\S+) +(\S+) +(\S+) *(.*)$/.exec(line) ?? [];
  return { time, level, event, text };
}

/** Until the reader ends it. A rotated file is followed by the new one, from its start. */
async function follow(file: string, cli: Cli): Promise<void> {
  let at = statSync(file, { throwIfNoEntry: false });
  let offset = at?.size ?? 0;
  for (;;) {
    await sleep(POLL_MS);
    const now = statSync(file, { throwIfNoEntry: false });
    if (now === undefined) continue;
    if (at !== undefined && now.ino !== at.ino) {
      cli.stdout.write(printableLines(readFrom(`${file}.1`, offset)));
      offset = 0;
    }
    if (now.size < offset) offset = 0;
    const text = readFrom(file, offset);
    offset += Buffer.byteLength(text);
    at = now;
    if (text !== '') cli.stdout.write(printableLines(text));
  }
}

/** Whole lines only. */
function readFrom(file: string, offset: number): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - offset));
    const read = readSync(fd, bytes, 0, bytes.length, offset);
    const end = bytes.subarray(0, read).lastIndexOf(0x0a) + 1;
    return bytes.toString('utf8', 0, end);
  } catch {
    return '';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
