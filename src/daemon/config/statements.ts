import { parse } from 'smol-toml';

/** One `key = value` or `[table]` of a TOML text that a parser has accepted. Offsets are UTF-16. */
export interface Statement {
  kind: 'pair' | 'table' | 'array-table';
  /** From the root: a pair's table and its own (dotted) key. */
  path: string[];
  /** From 1. */
  line: number;
  start: number;
  /** The text of the value (of the header, for a table), without what follows it. */
  valueStart: number;
  valueEnd: number;
  /** Just behind the line break. */
  end: number;
}

/**
 * Where each statement stands. The text must be valid TOML: the walk only has to know where
 * strings, brackets and comments end.
 */
export function statementsOf(toml: string): Statement[] {
  const statements: Statement[] = [];
  let table: string[] = [];
  let line = 1;
  let at = 0;
  while (at < toml.length) {
    const start = at;
    const first = skipBlanks(toml, at);
    const end = statementEnd(toml, first);
    const text = toml.slice(first, end.content);
    if (text.startsWith('[')) {
      const array = text.startsWith('[[');
      table = decodeKey(text.replace(/^\[\[?/, '').replace(/\]\]?\s*$/, ''));
      const kind = array ? 'array-table' : 'table';
      const span = { valueStart: first, valueEnd: end.content };
      statements.push({ kind, path: table, line, start, ...span, end: end.next });
    } else if (text !== '') {
      const equals = keyEnd(toml, first);
      const path = [...table, ...decodeKey(toml.slice(first, equals))];
      const span = { valueStart: skipBlanks(toml, equals + 1), valueEnd: end.content };
      statements.push({ kind: 'pair', path, line, start, ...span, end: end.next });
    }
    line += countBreaks(toml, start, end.next);
    at = end.next;
  }
  return statements;
}

/** A key's line, or that of the nearest statement around it (an inline table). */
export function lineOf(statements: readonly Statement[], path: readonly string[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const prefix = path.slice(0, length).join('\0');
    const found = statements.find((statement) => statement.path.join('\0') === prefix);
    if (found !== undefined) return found.line;
  }
  const inside = path.join('\0');
  return statements.find(({ path: own }) => own.join('\0').startsWith(`${inside}\0`))?.line ?? 1;
}

/** `content`: behind the last character that is neither blank nor comment; `next`: the next line. */
function statementEnd(toml: string, from: number): { content: number; next: number } {
  let depth = 0;
  let content = from;
  let at = from;
  while (at < toml.length) {
    const char = toml[at] ?? '';
    if (char === '"' || char === "'") at = content = stringEnd(toml, at);
    else if (char === '#') at = lineEnd(toml, at);
    else if (char === '\n' && depth === 0) return { content, next: at + 1 };
    else {
      if (char === '[' || char === '{') depth += 1;
      if (char === ']' || char === '}') depth -= 1;
      at += 1;
      if (!/\s/.test(char)) content = at;
    }
  }
  return { content, next: toml.length };
}

function stringEnd(toml: string, from: number): number {
  const quote = toml[from] ?? '';
  const long = toml.startsWith(quote.repeat(3), from);
  const close = long ? quote.repeat(3) : quote;
  let at = from + close.length;
  while (at < toml.length && !toml.startsWith(close, at)) {
    at += quote === '"' && toml[at] === '\\' ? 2 : 1;
  }
  at += close.length;
  // Up to two quotes may stand just before the closing three.
  if (long) while (toml[at] === quote) at += 1;
  return Math.min(at, toml.length);
}

/** The `=` behind a key, whose quoted parts may hold one. */
function keyEnd(toml: string, from: number): number {
  let at = from;
  while (at < toml.length && toml[at] !== '=') {
    at = toml[at] === '"' || toml[at] === "'" ? stringEnd(toml, at) : at + 1;
  }
  return at;
}

/** The parts of a dotted key, by the parser's own rules. */
function decodeKey(text: string): string[] {
  const path: string[] = [];
  let value: unknown;
  try {
    value = parse(`${text} = 0`);
  } catch {
    // The parser takes a line feed within a date, and this walk does not: it has no key here.
    return [];
  }
  while (typeof value === 'object' && value !== null) {
    const [entry] = Object.entries(value);
    if (entry === undefined) break;
    path.push(entry[0]);
    value = entry[1];
  }
  return path;
}

function skipBlanks(toml: string, from: number): number {
  let at = from;
  while (toml[at] === ' ' || toml[at] === '\t' || toml[at] === '\ufeff') at += 1;
  return at;
}

function lineEnd(toml: string, from: number): number {
  const at = toml.indexOf('\n', from);
  return at < 0 ? toml.length : at;
}

function countBreaks(toml: string, from: number, to: number): number {
  let breaks = 0;
  for (let at = from; at < to; at += 1) if (toml[at] === '\n') breaks += 1;
  return breaks;
}
