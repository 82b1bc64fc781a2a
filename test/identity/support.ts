import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { Membership } from '../../src/identity/membership.js';
import { NodeKey } from '../../src/identity/nodeKey.js';
import type { Role } from '../../src/identity/roles.js';

const made: string[] = [];

afterAll(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A directory that is gone after the tests of its file. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'vrift-identity-'));
  made.push(dir);
  return dir;
}

export interface TestNode {
  dir: string;
  key: NodeKey;
}

export async function newNode(): Promise<TestNode> {
  const dir = join(temporaryDir(), 'identity');
  return { dir, key: await NodeKey.open(dir) };
}

export async function foundMesh(name = 'attic'): Promise<TestNode & { membership: Membership }> {
  const node = await newNode();
  return { ...node, membership: await Membership.create(node.dir, node.key, name, 'founder') };
}

/** Lets a new node in, by hand. */
export async function newMember(
  admin: Membership,
  role: Role = 'member',
): Promise<TestNode & { membership: Membership }> {
  const node = await newNode();
  admin.add(node.key.nodeId, role, `node-${node.key.nodeId.slice(0, 4)}`);
  const { meshId, genesis, secret } = admin;
  const welcome = { meshId, genesis, secret, statements: admin.statements() };
  return { ...node, membership: await Membership.accept(node.dir, node.key, welcome) };
}

/** Both tell each other all they know. */
export function meet(a: Membership, b: Membership): void {
  b.merge(a.statements());
  a.merge(b.statements());
}

/** What a call throws; fails the test when it does not. */
export async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
