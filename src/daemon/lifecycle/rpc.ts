import { VriftError } from '../../base/errors.js';
import { VERSION } from '../../wire/version.js';

export interface RpcCall {
  /** Shown to the person who waits; does not end the request. */
  progress(message: string): void;
  /** Aborts when the asker is gone. */
  readonly signal: AbortSignal;
}

export type RpcMethod = (params: Record<string, unknown>, call: RpcCall) => unknown;

/** Method name → what answers it. A promise is awaited; what is thrown becomes the answer. */
export type RpcTable = Readonly<Record<string, RpcMethod>>;

/** @throws VRIFT_FRAME_INVALID for a method that this version does not know */
export async function answer(
  table: RpcTable,
  method: string,
  params: Record<string, unknown>,
  call: RpcCall,
): Promise<unknown> {
  const known = Object.hasOwn(table, method) ? table[method] : undefined;
  if (known === undefined) {
    throw new VriftError('VRIFT_FRAME_INVALID', `this node (${VERSION}) cannot do "${method}"`);
  }
  return known(params, call);
}

/** @throws VRIFT_FRAME_INVALID when the parameter is no text */
export function textParam(params: Record<string, unknown>, name: string): string {
  const value = params[name];
  if (typeof value === 'string') return value;
  throw new VriftError('VRIFT_FRAME_INVALID', `the parameter "${name}" should be text`);
}

/** A missing or null parameter is undefined. */
export function optionalText(params: Record<string, unknown>, name: string): string | undefined {
  return params[name] === undefined || params[name] === null ? undefined : textParam(params, name);
}

/** A missing or null parameter is undefined. */
export function optionalNumber(params: Record<string, unknown>, name: string): number | undefined {
  const value = params[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new VriftError('VRIFT_FRAME_INVALID', `the parameter "${name}" should be a number`);
}

/** A missing parameter is false. */
export function flagParam(params: Record<string, unknown>, name: string): boolean {
  return params[name] === true;
}

/** A missing or null parameter is undefined: nothing was said either way. */
export function optionalFlag(params: Record<string, unknown>, name: string): boolean | undefined {
  const value = params[name];
  return typeof value === 'boolean' ? value : undefined;
}

/** A missing or null parameter is undefined. @throws VRIFT_FRAME_INVALID when it is no list of texts */
export function optionalTexts(params: Record<string, unknown>, name: string): string[] | undefined {
  const value = params[name];
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new VriftError('VRIFT_FRAME_INVALID', `the parameter "${name}" should be a list of texts`);
}
