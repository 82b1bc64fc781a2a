import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'smol-toml';
import { VriftError } from '../../base/errors.js';
import { printable } from '../../wire/printable.js';
import { parseToml } from './file.js';
import { type Statement, statementsOf } from './statements.js';

export interface CargoEdit {
  /** The file's new text; the old one when nothing was to do. */
  text: string;
  /** The wrapper that cargo used, and the one it uses now. */
  before: string | null;
  after: string | null;
}

const LAUNCHER = 'vrift-rustc';
/** Marks a table that was not there before, so that undoing takes it away again. */
const MARK = '# vrift init';

/**
 * Sets `build.rustc-wrapper` in the text of a cargo configuration, and touches nothing else.
 *
 * @throws VRIFT_CARGO_CONFIG when another wrapper is set, or the text is too unusual to edit
 */
export function addWrapper(text: string, wrapper: string, file: string): CargoEdit {
  const before = wrapperIn(text, file);
  if (before === wrapper) return { text, before, after: wrapper };
  refuseOther(before, file);
  const after = withWrapper(text, stringify({ 'rustc-wrapper': wrapper }).trim(), file);
  check(text, after, wrapper, file);
  return { text: after, before, after: wrapper };
}

/** Takes vrift's wrapper out again. @throws VRIFT_CARGO_CONFIG when another wrapper is set */
export function removeWrapper(text: string, file: string): CargoEdit {
  const before = wrapperIn(text, file);
  if (before === null) return { text, before, after: null };
  refuseOther(before, file);
  const after = withoutWrapper(text, file);
  check(text, after, undefined, file);
  return { text: after, before, after: null };
}

function withWrapper(text: string, pair: string, file: string): string {
  const statements = statementsOf(text);
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const present = pairOf(statements);
  if (present !== undefined) {
    const value = pair.slice(pair.indexOf('=') + 1).trim();
    return text.slice(0, present.valueStart) + value + text.slice(present.valueEnd);
  }
  const table = tableOf(statements);
  if (table !== undefined) return insertAfter(text, table, pair, newline);
  const dotted = statements.findLast(({ kind, path }) => kind === 'pair' && path[0] === 'build');
  if (dotted?.path.length === 1) throw unusual(file);
  if (dotted !== undefined) return insertAfter(text, dotted, `build.${pair}`, newline);
  const gap = text === '' ? '' : text.endsWith('\n') ? newline : newline + newline;
  return `${text}${gap}[build] ${MARK}${newline}${pair}${newline}`;
}

function withoutWrapper(text: string, file: string): string {
  const statements = statementsOf(text);
  const pair = pairOf(statements);
  if (pair === undefined) throw unusual(file);
  const without = text.slice(0, pair.start) + text.slice(pair.end);
  const table = tableOf(statements);
  if (table === undefined || !text.slice(table.valueEnd, table.end).includes(MARK)) return without;
  const others = statements.some(({ kind, path }) => {
    return kind === 'pair' && path[0] === 'build' && path[1] !== 'rustc-wrapper';
  });
  if (others) return without;
  const head = text.slice(0, table.start).replace(/(^|\n)\r?\n$/, '$1');
  return head + without.slice(table.end);
}

function pairOf(statements: readonly Statement[]): Statement | undefined {
  return statements.find(({ kind, path }) => {
    return kind === 'pair' && path.length === 2 && path.join('.') === 'build.rustc-wrapper';
  });
}

function tableOf(statements: readonly Statement[]): Statement | undefined {
  return statements.find(({ kind, path }) => {
    return kind === 'table' && path.length === 1 && path[0] === 'build';
  });
}

function insertAfter(text: string, statement: Statement, line: string, newline: string): string {
  const head = text.slice(0, statement.end);
  const gap = head.endsWith('\n') ? '' : newline;
  return `${head}${gap}${line}${newline}${text.slice(statement.end)}`;
}

/** What a cargo configuration sets as wrapper. @throws VRIFT_CARGO_CONFIG when it is no TOML */
export function wrapperIn(text: string, file: string): string | null {
  const build = parseCargo(text, file).build;
  if (build === undefined) return null;
  const wrapper = isTable(build) ? build['rustc-wrapper'] : build;
  if (wrapper === undefined) return null;
  return typeof wrapper === 'string' ? wrapper : JSON.stringify(wrapper);
}

/** An edit that changed anything else is not made. */
function check(before: string, after: string, wrapper: string | undefined, file: string): void {
  const expected = parseCargo(before, file);
  const build = { ...(isTable(expected.build) ? expected.build : {}) };
  if (wrapper === undefined) delete build['rustc-wrapper'];
  else build['rustc-wrapper'] = wrapper;
  const found = parseCargo(after, file);
  const same = isDeepStrictEqual(
    JSON.parse(JSON.stringify({ ...found, build: found.build ?? {} })),
    JSON.parse(JSON.stringify({ ...expected, build })),
  );
  if (!same) throw unusual(file);
}

function parseCargo(text: string, file: string): Record<string, unknown> {
  try {
    return parseToml(text, file);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new VriftError('VRIFT_CARGO_CONFIG', message, { cause });
  }
}

function refuseOther(before: string | null, file: string): void {
  if (before === null || basename(before) === LAUNCHER) return;
  const message = `${file} sets build.rustc-wrapper to "${before}", which vrift leaves alone`;
  throw new VriftError('VRIFT_CARGO_CONFIG', printable(message));
}

function unusual(file: string): VriftError {
  const message = printable(`${file} writes its [build] table in a way that vrift does not edit`);
  return new VriftError('VRIFT_CARGO_CONFIG', message);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
