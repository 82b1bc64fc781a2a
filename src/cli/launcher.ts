import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { VriftError } from '../wire/failure.js';

/**
 * The absolute path of `vrift-rustc` in the package that this file belongs to, whatever link
 * `vrift` was called through.
 *
 * @throws VRIFT_LAUNCHER_MISSING
 */
export function launcherPath(): string {
  const path = fileURLToPath(new URL('../../bin/vrift-rustc', import.meta.url));
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch (cause) {
    const message = `the launcher is missing: ${path}`;
    throw new VriftError('VRIFT_LAUNCHER_MISSING', message, { cause });
  }
}
