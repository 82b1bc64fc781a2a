import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { errnoOf, VriftError } from '../../base/errors.js';
import { printable } from '../../wire/printable.js';
import { lineOf, type Statement, statementsOf } from './statements.js';

/** No settings are longer; a project's file comes with a clone. */
const MAX_BYTES = 64 * 1024;

/** A parsed file that can tell where each key stands. */
export interface TomlFile {
  file: string;
  text: string;
  tables: Record<string, unknown>;
  /** `FILE:LINE` of a key, given from the root. */
  sourceOf(path: readonly string[]): string;
}

/** Reads a settings file; undefined when there is none. @throws VRIFT_CONFIG_INVALID */
export function readTomlFile(file: string): TomlFile | undefined {
  const text = readSmallFile(file);
  if (text === undefined) return undefined;
  const tables = parseToml(text, file);
  let statements: Statement[] | undefined;
  return {
    file,
    text,
    tables,
    sourceOf(path) {
      statements ??= statementsOf(text);
      return `${file}:${lineOf(statements, path)}`;
    },
  };
}

/** @throws VRIFT_CONFIG_INVALID with `FILE:LINE` and what the parser said */
export function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const what = cause.message.split('\n', 1)[0]?.replace(/^Invalid TOML document: /, '');
    const message = `${file}:${cause.line}: not valid TOML (column ${cause.column}): ${what}`;
    throw new VriftError('VRIFT_CONFIG_INVALID', printable(message), { cause });
  }
}

function readSmallFile(file: string): string | undefined {
  let fd: number | undefined;
  try {
    // A FIFO of that name must not hang the node.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw unreadable(file, 'not a regular file');
    if (stat.size > MAX_BYTES) throw unreadable(file, `larger than ${MAX_BYTES} bytes`);
    return readFileSync(fd, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw error instanceof VriftError ? error : unreadable(file, errno ?? String(error));
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function unreadable(file: string, why: string): VriftError {
  const message = printable(`${file}:1: cannot be read: ${why}`);
  return new VriftError('VRIFT_CONFIG_INVALID', message);
}
