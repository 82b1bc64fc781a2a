import { canonicalJson } from '../base/canonical.js';

/** A JSON object whose members nobody has looked at yet. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads an object with exactly these members. Deeper shape is the caller's to check, and after
 * that `isCanonical` says whether the bytes were the only way to write it.
 *
 * @returns undefined for anything else
 */
export function parseFields(bytes: Uint8Array, names: readonly string[]): Fields | undefined {
  const value = parseObject(bytes);
  return hasExactly(value, names) ? value : undefined;
}

/** Like `parseFields`, for an object whose members depend on one of them. */
export function parseObject(bytes: Uint8Array): Fields | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  return isObject(value) ? value : undefined;
}

export function hasExactly(value: unknown, names: readonly string[]): value is Fields {
  if (!isObject(value)) return false;
  const present = Object.keys(value);
  return present.length === names.length && names.every((name) => Object.hasOwn(value, name));
}

/**
 * Whether these bytes are the canonical JSON of this value: no repeated member, white space,
 * other escape or other order. Only for values whose shape has been checked, so that no depth
 * is left to recurse into.
 */
export function isCanonical(bytes: Uint8Array, value: unknown): boolean {
  return Buffer.from(canonicalJson(value), 'utf8').equals(bytes);
}

/** Canonical base64 of `byteLength` bytes (any number when left out), or undefined. */
export function parseBase64(text: unknown, byteLength?: number): Buffer | undefined {
  if (typeof text !== 'string') return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) return undefined;
  return byteLength === undefined || bytes.length === byteLength ? bytes : undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
