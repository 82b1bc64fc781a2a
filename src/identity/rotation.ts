import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { VriftError } from '../base/errors.js';
import { Membership } from './membership.js';
import { forgetNextKey, NEXT_KEY as NEXT, NodeKey } from './nodeKey.js';

/**
 * A new key for this node: the same one again when a rotation was interrupted, so that no second
 * stranger is added.
 */
export function nextKey(dir: string): Promise<NodeKey> {
  return NodeKey.open(join(dir, NEXT));
}

/** Puts the new key in the place of the old, which is gone for good then. */
export function takeNextKey(dir: string): void {
  renameSync(join(dir, NEXT, NodeKey.file), join(dir, NodeKey.file));
  forgetNextKey(dir);
}

/**
 * Ends a rotation that a crash cut short after the old key was revoked.
 *
 * @returns the key that this node has now
 */
export async function finishRotation(dir: string, key: NodeKey): Promise<NodeKey> {
  if (!existsSync(join(dir, NEXT, NodeKey.file))) return key;
  const membership = await Membership.open(dir, key);
  if (membership?.isRevoked(key.nodeId) !== true) return key;
  if (!membership.isMember((await nextKey(dir)).nodeId)) return key;
  takeNextKey(dir);
  return NodeKey.open(dir);
}

/** What to tell of a rotation that began and did not end: the new key may be a member already. */
export function unfinishedRotation(dir: string): VriftError | undefined {
  if (!existsSync(join(dir, NEXT, NodeKey.file))) return undefined;
  const message = 'a new key for this node waits to be taken: `vrift mesh rotate` did not end';
  return new VriftError('VRIFT_ROTATION_UNFINISHED', message);
}
