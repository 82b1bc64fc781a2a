import { absolute } from '../../base/paths.js';
import type { Extern, NativeLib, SearchDir } from '../plan.js';

/** `[options:]name[=path]`, e.g. `priv,noprelude:serde=/…/libserde-0123.rmeta`. */
export function parseExtern(value: string, cwd: string): Extern {
  const equals = value.indexOf('=');
  const left = equals < 0 ? value : value.slice(0, equals);
  const colon = left.indexOf(':');
  return {
    options: colon < 0 ? '' : left.slice(0, colon),
    name: colon < 0 ? left : left.slice(colon + 1),
    path: equals < 0 ? undefined : absolute(cwd, value.slice(equals + 1)),
  };
}

const SEARCH_KINDS = ['dependency', 'crate', 'native', 'framework', 'all'];

/** `[kind=]path`; a path may itself hold `=`. */
export function parseSearchDir(value: string, cwd: string): SearchDir {
  const equals = value.indexOf('=');
  const kind = value.slice(0, Math.max(equals, 0));
  if (!SEARCH_KINDS.includes(kind)) return { kind: 'all', path: absolute(cwd, value) };
  return { kind, path: absolute(cwd, value.slice(equals + 1)) };
}

/** `[kind[:modifiers]=]name[:rename]`. */
export function parseNativeLib(value: string): NativeLib {
  const equals = value.indexOf('=');
  const [kind = '', modifiers = ''] = equals < 0 ? [''] : value.slice(0, equals).split(':');
  const rest = equals < 0 ? value : value.slice(equals + 1);
  const [name = '', file = name] = rest.split(':');
  return { kind, modifiers, name, file: file === '' ? name : file };
}
