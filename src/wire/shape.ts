import { isDigest } from '../base/digest.js';

/**
 * Says whether an unknown value has a shape, without building anything: `undefined` when it has,
 * else where and why not (`outputs[3].size: not an integer from 0 to 9`). What passes is the
 * sender's own object, so its canonical bytes are what the sender hashed.
 */
export type Shape = (value: unknown, at: string) => string | undefined;

export type Checked<T> = { ok: true; value: T } | { ok: false; reason: string };

/** The caller names the type that `shape` describes. */
export function check<T>(shape: Shape, value: unknown): Checked<T> {
  const reason = shape(value, '');
  return reason === undefined ? { ok: true, value: value as T } : { ok: false, reason };
}

/** Exactly these members; `optional` ones may be absent. */
export function exact(members: Record<string, Shape>, optional: readonly string[] = []): Shape {
  const known = Object.entries(members);
  return (value, at) => {
    if (!isRecord(value)) return `${at || 'value'}: not an object`;
    let seen = 0;
    for (const [name, shape] of known) {
      if (!Object.hasOwn(value, name)) {
        if (optional.includes(name)) continue;
        return `${join(at, name)}: missing`;
      }
      seen += 1;
      const reason = shape(value[name], join(at, name));
      if (reason !== undefined) return reason;
    }
    return Object.keys(value).length === seen ? undefined : `${at || 'value'}: unknown member`;
  };
}

/** At least these members: for messages that later versions may extend. */
export function open(members: Record<string, Shape>): Shape {
  const known = Object.entries(members);
  return (value, at) => {
    if (!isRecord(value)) return `${at || 'value'}: not an object`;
    for (const [name, shape] of known) {
      const reason = shape(Object.hasOwn(value, name) ? value[name] : undefined, join(at, name));
      if (reason !== undefined) return reason;
    }
    return undefined;
  };
}

export function list(element: Shape, max: number): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) return `${at || 'value'}: not a list`;
    if (value.length > max) return `${at || 'value'}: ${value.length} entries, at most ${max}`;
    for (let index = 0; index < value.length; index++) {
      const reason = element(value[index], `${at}[${index}]`);
      if (reason !== undefined) return reason;
    }
    return undefined;
  };
}

export function tuple(...elements: Shape[]): Shape {
  return (value, at) => {
    if (!Array.isArray(value) || value.length !== elements.length) {
      return `${at}: not a list of ${elements.length}`;
    }
    for (const [index, element] of elements.entries()) {
      const reason = element(value[index], `${at}[${index}]`);
      if (reason !== undefined) return reason;
    }
    return undefined;
  };
}

/** @param max UTF-16 units */
export function text(max: number, pattern?: RegExp): Shape {
  return (value, at) => {
    if (typeof value !== 'string') return `${at}: not text`;
    if (value.length > max) return `${at}: ${value.length} characters, at most ${max}`;
    return pattern === undefined || pattern.test(value) ? undefined : `${at}: malformed`;
  };
}

export function integer(min: number, max: number): Shape {
  return (value, at) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `${at}: not an integer from ${min} to ${max}`;
}

export function finite(min: number, max: number): Shape {
  return (value, at) =>
    typeof value === 'number' && value >= min && value <= max
      ? undefined
      : `${at}: not a number from ${min} to ${max}`;
}

export function oneOf(...allowed: readonly unknown[]): Shape {
  return (value, at) =>
    allowed.includes(value) ? undefined : `${at}: not one of ${allowed.join(', ')}`;
}

export function either(...shapes: readonly Shape[]): Shape {
  return (value, at) =>
    shapes.some((shape) => shape(value, at) === undefined) ? undefined : `${at}: malformed`;
}

export const digest: Shape = (value, at) => (isDigest(value) ? undefined : `${at}: not a digest`);

export const boolean: Shape = (value, at) =>
  typeof value === 'boolean' ? undefined : `${at}: not a boolean`;

const join = (at: string, name: string): string => (at === '' ? name : `${at}.${name}`);

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
