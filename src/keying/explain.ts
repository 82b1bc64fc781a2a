import { canonicalJson } from '../base/canonical.js';

/** One part of a key or manifest that changed, as short text. */
export interface Change {
  input: string;
  before: string;
  after: string;
}

/** Values longer than this are cut in an explanation. */
const MAX_CHARS = 160;

/**
 * What differs between two unit keys' parts, by name: `arguments[3]`, `externs.serde`, `env.X`.
 * Lists of named entries (externs, closure) are compared by name, others by position.
 */
export function changedParts(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Change[] {
  const changes: Change[] = [];
  compare('', before, after, changes);
  return changes;
}

function compare(path: string, before: unknown, after: unknown, changes: Change[]): void {
  if (canonicalJson(before) === canonicalJson(after)) return;
  const [a, b] = [membersOf(before), membersOf(after)];
  if (a === undefined || b === undefined) {
    changes.push({ input: path, before: textOf(before), after: textOf(after) });
    return;
  }
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const below = path === '' ? name : `${path}.${name}`;
    compare(below, a.get(name), b.get(name), changes);
  }
}

function membersOf(value: unknown): Map<string, unknown> | undefined {
  if (Array.isArray(value)) {
    return new Map(value.map((member, index) => [nameOf(member) ?? String(index), member]));
  }
  if (value === null || typeof value !== 'object') return undefined;
  return new Map(Object.entries(value));
}

/** `{name, …}` and `crate digest` entries are known by their name wherever they stand. */
function nameOf(member: unknown): string | undefined {
  if (typeof member === 'string') return /^([A-Za-z0-9_]+) [0-9a-f]{64}$/.exec(member)?.[1];
  if (Array.isArray(member)) return typeof member[0] === 'string' ? member[0] : undefined;
  if (member === null || typeof member !== 'object' || !('name' in member)) return undefined;
  return typeof member.name === 'string' ? member.name : undefined;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  const text = typeof value === 'string' ? value : canonicalJson(value);
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
}
