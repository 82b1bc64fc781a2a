import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, VriftError } from '../../base/errors.js';
import type { ProcessIdentity } from './process.js';

/** What a lock file holds. */
export interface Owner extends ProcessIdentity {
  /** Random: no two owners share one. */
  id: string;
}

/** Whether the lock was free and is ours now. */
export function linkOwner(file: string, me: Owner): boolean {
  const draft = `${file}.${me.id}.new`;
  try {
    writeFileSync(draft, JSON.stringify(me), { mode: 0o600 });
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    return unusable(file, errnoOf(error) ?? String(error));
  } finally {
    removeFile(draft);
  }
}

/**
 * The owner that a lock names, or undefined when there is no lock. A damaged one (a power cut)
 * names an owner that no process is.
 */
export function ownerOf(file: string): Owner | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const owner = parseOwner(text);
    if (owner !== undefined) return owner;
    const id = `damaged-${statSync(file).ino}`;
    return { id, pid: 0, start: 'never', boot: '', space: '', machine: '', host: '' };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    return unusable(file, errnoOf(error) ?? String(error));
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const { id, pid, start, boot, space, machine, host } = JSON.parse(text) as Partial<Owner>;
    if (typeof id !== 'string' || !/^[0-9a-f]{16}$/.test(id)) return undefined;
    if (typeof pid !== 'number' || typeof start !== 'string') return undefined;
    if (typeof boot !== 'string' || typeof space !== 'string') return undefined;
    return { id, pid, start, boot, space, machine: machine ?? '', host: host ?? '' };
  } catch {
    return undefined;
  }
}

export function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') unusable(file, errnoOf(error) ?? String(error));
  }
}

export function unusable(file: string, why: string): never {
  throw new VriftError('VRIFT_HOME_UNUSABLE', `cannot lock ${dirname(file)}: ${why}`);
}
