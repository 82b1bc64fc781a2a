import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { homePaths } from '../../wire/home.js';
import { printable } from '../../wire/printable.js';

/** Each includes those before it. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * One line per event: time, level, event, then what the event is about, columns first:
 * `log.info('hit', '3f9a1c02', 'peer=attic', '412kB', '18ms')`. Never throws.
 */
export interface Log {
  error(event: string, ...columns: unknown[]): void;
  warn(event: string, ...columns: unknown[]): void;
  info(event: string, ...columns: unknown[]): void;
  debug(event: string, ...columns: unknown[]): void;
  /** Writes out what is still in memory and ends the log. */
  close(): void;
}

export interface LogOptions {
  maxBytes?: number;
  /** Where each line goes as well: the terminal of `start --foreground`. */
  echo?: (line: string) => void;
  now?: () => Date;
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const KEPT_FILES = 3;
const MAX_LINE_CHARS = 8192;
/** Hits come by the hundred: their lines are written together. */
const FLUSH_MS = 200;

/** Opens the log of a home, appending; older ones are `node.log.1` … `node.log.3`. */
export function openLog(home: string, level: LogLevel, options: LogOptions = {}): Log {
  const file = homePaths(home).log;
  const threshold = LOG_LEVELS.indexOf(level);
  const now = options.now ?? (() => new Date());
  const maxBytes = options.maxBytes ?? MAX_FILE_BYTES;
  let waiting: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const lines = waiting;
    waiting = [];
    append(file, lines.join(''), maxBytes);
  };
  const write = (lineLevel: LogLevel, event: string, columns: unknown[]) => {
    const rank = LOG_LEVELS.indexOf(lineLevel);
    if (rank > threshold) return;
    const text = [event.padEnd(6), ...columns.map(columnText)].join(' ');
    const line = `${now().toISOString()} ${lineLevel.padEnd(5)} ${oneLine(text)}`;
    options.echo?.(line);
    waiting.push(`${line}\n`);
    if (rank <= LOG_LEVELS.indexOf('warn')) flush();
    else timer ??= setTimeout(flush, FLUSH_MS).unref();
  };
  return {
    error: (event, ...columns) => write('error', event, columns),
    warn: (event, ...columns) => write('warn', event, columns),
    info: (event, ...columns) => write('info', event, columns),
    debug: (event, ...columns) => write('debug', event, columns),
    close: flush,
  };
}

/** A full disk or a missing directory costs these lines, nothing else. */
function append(file: string, text: string, maxBytes: number): void {
  try {
    const fd = openSync(file, 'a', 0o600);
    let size: number;
    try {
      writeSync(fd, text);
      size = fstatSync(fd).size;
    } finally {
      closeSync(fd);
    }
    if (size > maxBytes) rotate(file);
  } catch {
    // Nobody could be told.
  }
}

function rotate(file: string): void {
  for (let age = KEPT_FILES - 1; age >= 0; age -= 1) {
    try {
      renameSync(age === 0 ? file : `${file}.${age}`, `${file}.${age + 1}`);
    } catch {
      // That many do not exist yet.
    }
  }
}

function columnText(column: unknown): string {
  if (typeof column === 'string') return column;
  if (column instanceof Error) return column.stack ?? column.message;
  return typeof column === 'object' ? inspect(column, { breakLength: Infinity }) : String(column);
}

function oneLine(text: string): string {
  return printable(text.slice(0, MAX_LINE_CHARS).replace(/\s*\n\s*/g, ' | '));
}
