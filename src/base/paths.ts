import { isAbsolute } from 'node:path';

/**
 * A path as the system would open it from `cwd`. Not `resolve`: that takes `link/..` away, where
 * the system follows the link first and ends up somewhere else.
 */
export function absolute(cwd: string, path: string): string {
  if (isAbsolute(path)) return path;
  return path === '.' || path === '' ? cwd : `${cwd}/${path}`;
}
