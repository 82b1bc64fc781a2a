import { chmodSync, existsSync, lstatSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, VriftError } from '../../base/errors.js';
import { type HomePaths, homePaths } from '../../wire/home.js';

/** sun_path has 104 bytes on macOS, 108 on Linux; beyond, Node cuts the path silently. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Makes a home usable: directories 0700, ours, writable by nobody else. The home itself may be a
 * symbolic link; what is in it may not.
 *
 * @throws VRIFT_HOME_UNUSABLE, VRIFT_SOCKET_PATH_TOO_LONG
 */
export function prepareHome(home: string): HomePaths {
  const paths = homePaths(home);
  const bytes = Buffer.byteLength(paths.socket);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new VriftError(
      'VRIFT_SOCKET_PATH_TOO_LONG',
      `the socket path ${paths.socket} has ${bytes} bytes`,
    );
  }
  attempt(home, () => makeDirectories(home));
  refuseShared(
    home,
    attempt(home, () => statSync(home)),
  );
  for (const directory of [paths.run, paths.logDir]) attempt(directory, () => own(directory));
  return paths;
}

/** Not `recursive`: where a parent takes no directories (/proc), Node would try for ever. */
function makeDirectories(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const errno = errnoOf(error);
    // A file of that name is looked at afterwards.
    if (errno === 'EEXIST') return;
    if (errno !== 'ENOENT' || existsSync(dirname(directory))) throw error;
    makeDirectories(dirname(directory));
    mkdirSync(directory, { mode: 0o700 });
  }
}

function refuseShared(home: string, stat: Stats): void {
  if (!stat.isDirectory()) unusable(`${home} is not a directory`);
  if (stat.uid !== process.getuid?.()) unusable(`${home} belongs to another user`);
  if ((stat.mode & 0o022) !== 0) {
    unusable(`${home} is writable by others (chmod go-w ${home} would end that)`);
  }
}

/** A directory of ours, closed to everyone else: made, or tightened where it was looser. */
function own(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  const stat = lstatSync(directory);
  if (!stat.isDirectory()) unusable(`${directory} is not a directory`);
  if (stat.uid !== process.getuid?.()) unusable(`${directory} belongs to another user`);
  if ((stat.mode & 0o777) !== 0o700) chmodSync(directory, 0o700);
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof VriftError) throw error;
    throw new VriftError('VRIFT_HOME_UNUSABLE', `cannot use ${path}: ${errno}`, { cause: error });
  }
}

function unusable(message: string): never {
  throw new VriftError('VRIFT_HOME_UNUSABLE', message);
}
