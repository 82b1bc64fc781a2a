import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VriftError } from '../../base/errors.js';
import { linkOwner, type Owner, ownerOf, removeFile, unusable } from './owner.js';
import { startTimeOf, thisProcess } from './process.js';

export interface LockOptions {
  /** Whether somebody answers who cannot be judged by pid (another container on this machine). */
  answers?: () => Promise<boolean>;
}

/** A breaker of a breaker of a breaker: more crashes in a row than there are processes. */
const MAX_DEPTH = 5;
/** A breaker works for microseconds. */
const BREAKER_WAIT_MS = 5;
const STRAY_MS = 60_000;

/**
 * One node per home. A file that appears whole or not at all (link(2)) names its owner; the lock
 * of a dead owner is broken under a lock of its own, named after that owner, so that racing
 * starters never remove the lock of one who has just taken it.
 */
export class NodeLock {
  readonly #file: string;
  readonly #me: Owner;

  private constructor(file: string, me: Owner) {
    this.#file = file;
    this.#me = me;
  }

  /** @throws VRIFT_NODE_RUNNING naming the live owner, VRIFT_HOME_UNUSABLE */
  static async acquire(file: string, options: LockOptions = {}): Promise<NodeLock> {
    const me: Owner = { ...thisProcess(), id: randomBytes(8).toString('hex') };
    const holder = await take(file, me, options, 0);
    if (holder !== undefined) {
      throw new VriftError('VRIFT_NODE_RUNNING', `a node runs already (pid ${where(holder, me)})`);
    }
    removeStrays(file);
    return new NodeLock(file, me);
  }

  /** Whether the home is still ours: somebody may have removed it, and started another node. */
  isHeld(): boolean {
    return ownerOf(this.#file)?.id === this.#me.id;
  }

  /** Leaves a lock alone that is not ours any more. */
  release(): void {
    if (this.isHeld()) removeFile(this.#file);
  }
}

/** @returns the live owner, or undefined when `me` is the owner now */
async function take(
  file: string,
  me: Owner,
  options: LockOptions,
  depth: number,
): Promise<Owner | undefined> {
  for (;;) {
    if (linkOwner(file, me)) return undefined;
    const owner = ownerOf(file);
    if (owner === undefined) continue;
    if (await isAlive(owner, me, options)) return owner;
    if (depth === MAX_DEPTH) unusable(file, 'its lock was left behind too often');
    const breaker = `${file}.${owner.id}`;
    if ((await take(breaker, me, options, depth + 1)) !== undefined) {
      await sleep(BREAKER_WAIT_MS);
      continue;
    }
    try {
      if (ownerOf(file)?.id === owner.id) removeFile(file);
    } finally {
      removeFile(breaker);
    }
  }
}

/**
 * Within one boot and one pid namespace, the pid and its start time decide. In another namespace
 * of this boot, only the socket can tell. Another boot of this machine is over. On another
 * machine (a home on a network disk) the owner is believed to live.
 */
async function isAlive(owner: Owner, me: Owner, options: LockOptions): Promise<boolean> {
  if (owner.pid === 0) return false;
  if (owner.boot === me.boot) {
    if (owner.space === me.space) return startTimeOf(owner.pid) === owner.start;
    return (await options.answers?.()) ?? true;
  }
  return owner.machine !== '' && me.machine !== '' && owner.machine !== me.machine;
}

function where(owner: Owner, me: Owner): string {
  return owner.host === me.host ? `${owner.pid}` : `${owner.pid} on ${owner.host}`;
}

/** Drafts and breakers of processes that were killed half-way. */
function removeStrays(file: string): void {
  const directory = dirname(file);
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`${basename(file)}.`)) continue;
    const stray = join(directory, name);
    const stat = statSync(stray, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > STRAY_MS) removeFile(stray);
  }
}
