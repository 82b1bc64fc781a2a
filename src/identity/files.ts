import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, VriftError } from '../base/errors.js';

/** Far above any file of the identity directory: a roster has at most 4 MiB of statements. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Makes the directory that holds secrets, or tightens the one that is there.
 *
 * @throws VRIFT_HOME_UNUSABLE when it is no directory of our own
 */
export function ensurePrivateDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new VriftError('VRIFT_HOME_UNUSABLE', `cannot make ${dir}`, { cause });
  }
  const stat = lstatSync(dir);
  if (!stat.isDirectory()) throw new VriftError('VRIFT_HOME_UNUSABLE', `${dir} is no directory`);
  if (!isOurs(stat.uid))
    throw new VriftError('VRIFT_HOME_UNUSABLE', `${dir} belongs to another user`);
  if ((stat.mode & 0o077) !== 0) chmodSync(dir, 0o700);
}

/**
 * @returns undefined when there is no such file
 * @throws VRIFT_HOME_UNUSABLE when others could have read or written it
 */
export function readPrivateFile(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new VriftError('VRIFT_HOME_UNUSABLE', `cannot open ${path}`, { cause });
  }
  try {
    const stat = fstatSync(fd);
    const mode = (stat.mode & 0o777).toString(8);
    if (!stat.isFile()) throw new VriftError('VRIFT_HOME_UNUSABLE', `${path} is no regular file`);
    if (!isOurs(stat.uid) || (stat.mode & 0o077) !== 0) {
      throw new VriftError('VRIFT_HOME_UNUSABLE', `${path} is open to other users (mode ${mode})`);
    }
    if (stat.size > MAX_FILE_BYTES) {
      throw new VriftError('VRIFT_MESH_DAMAGED', `${path} has ${stat.size} bytes`);
    }
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Replaces a file as a whole, mode 0600. When it returns, a power cut cannot take it back. */
export function writePrivateFile(path: string, content: string | Uint8Array): void {
  const temporary = writeTemporary(path, content);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDir(dirname(path));
}

/** Like `writePrivateFile`, but never replaces: @returns false when the file was there first. */
export function createPrivateFile(path: string, content: string | Uint8Array): boolean {
  const temporary = writeTemporary(path, content);
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDir(dirname(path));
  return true;
}

/** Removes a file for good; fine when there is none. */
export function removePrivateFile(path: string): void {
  rmSync(path, { force: true });
  syncDir(dirname(path));
}

function writeTemporary(path: string, content: string | Uint8Array): string {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return temporary;
}

function syncDir(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function isOurs(uid: number): boolean {
  return process.getuid === undefined || uid === process.getuid();
}
