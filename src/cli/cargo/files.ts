import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf, VriftError } from '../../wire/failure.js';

/** The configuration of a directory that holds one; cargo prefers the old name. */
export function configIn(directory: string): string {
  const old = join(directory, 'config');
  return existsSync(old) ? old : join(directory, 'config.toml');
}

export function cargoHome(env: NodeJS.ProcessEnv): string {
  return env.CARGO_HOME || join(env.HOME || homedir(), '.cargo');
}

/** The root of the workspace around a directory, by cargo's own rules. @throws VRIFT_CARGO_CONFIG */
export function workspaceRoot(cwd: string, env: NodeJS.ProcessEnv): string {
  try {
    const args = ['locate-project', '--workspace', '--message-format', 'plain'];
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    return dirname(execFileSync('cargo', args, { cwd, env, encoding: 'utf8', stdio }).trim());
  } catch (cause) {
    const why = errnoOf(cause) === 'ENOENT' ? 'there is no cargo on PATH' : stderrOf(cause);
    throw new VriftError('VRIFT_CARGO_CONFIG', `cannot find the workspace: ${why}`, { cause });
  }
}

/** '' when there is no such file. @throws VRIFT_CARGO_CONFIG */
export function readConfig(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return '';
    throw unwritable(file, cause);
  }
}

/**
 * Replaces the file at once, keeping its mode, and behind a symbolic link the link. One that
 * would be empty is removed.
 */
export function writeConfig(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const real = existsSync(file) ? realpathSync(file) : file;
    if (text.trim() === '' && real === file) return void unlinkSync(file);
    const draft = `${real}.vrift-${process.pid}`;
    const mode = statSync(real, { throwIfNoEntry: false })?.mode;
    writeFileSync(draft, text);
    if (mode !== undefined) chmodSync(draft, mode & 0o7777);
    renameSync(draft, real);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

function unwritable(file: string, cause: unknown): VriftError {
  const why = errnoOf(cause) ?? String(cause);
  return new VriftError('VRIFT_CARGO_CONFIG', `cannot change ${file}: ${why}`, { cause });
}

function stderrOf(cause: unknown): string {
  const stderr = (cause as { stderr?: unknown }).stderr;
  const first = String(stderr ?? '')
    .split('\n')
    .find((line) => line.trim() !== '');
  return first?.replace(/^error: /, '') ?? String(cause);
}
