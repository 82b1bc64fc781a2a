import { isDigest } from '../base/digest.js';
import { isId } from './ids.js';
import { isName } from './names.js';
import { isRole, type Role } from './roles.js';
import { type Fields, hasExactly } from './strictJson.js';

/** Adds that a revoked admin's successor can keep; about 110 KiB of ids. */
export const MAX_KEPT = 2048;

/** What one signed statement says. There is no clock in it, and no order between two. */
export type Claim =
  | { type: 'add'; node: string; role: Role; name: string }
  | {
      type: 'revoke';
      node: string;
      /** Ids of adds by this node that stay valid although it goes. */
      keep: readonly string[];
      /** Whether results that this node signed are refused as well. */
      recall: boolean;
    }
  | { type: 'recall'; target: RecallTarget };

/** Results to refuse although their signatures hold: a node's, a toolchain's, or a single one. */
export interface RecallTarget {
  kind: 'node' | 'toolchain' | 'result';
  /** A node id, or the digest that a toolchain or a result key is. */
  id: string;
}

/** A claim with its source. `id` is the hash of the exact signed bytes. */
export type Statement = Claim & { id: string; mesh: string; author: string };

/** The members of each type's payload besides `type`, `mesh` and `author`. */
const MEMBERS = {
  add: ['node', 'role', 'name'],
  revoke: ['node', 'keep', 'recall'],
  recall: ['target'],
} as const satisfies Record<Claim['type'], readonly string[]>;

/** @returns undefined unless `fields` has exactly what its type needs, each in bounds */
export function parseClaim(fields: Fields): Claim | undefined {
  switch (fields.type) {
    case 'add':
      return parseAdd(fields);
    case 'revoke':
      return parseRevoke(fields);
    case 'recall':
      return parseRecall(fields);
    default:
      return undefined;
  }
}

function hasMembers(fields: Fields, type: Claim['type']): boolean {
  return hasExactly(fields, ['type', 'mesh', 'author', ...MEMBERS[type]]);
}

function parseAdd(fields: Fields): Claim | undefined {
  const { node, role, name } = fields;
  if (!hasMembers(fields, 'add')) return undefined;
  return isId(node) && isRole(role) && isName(name) ? { type: 'add', node, role, name } : undefined;
}

function parseRevoke(fields: Fields): Claim | undefined {
  const { node, keep, recall } = fields;
  if (!hasMembers(fields, 'revoke') || !isId(node) || typeof recall !== 'boolean') return undefined;
  return isKeepList(keep) ? { type: 'revoke', node, keep, recall } : undefined;
}

function parseRecall(fields: Fields): Claim | undefined {
  const { target } = fields;
  if (!hasMembers(fields, 'recall') || !hasExactly(target, ['kind', 'id'])) return undefined;
  const { kind, id } = target;
  if (kind === 'node') return isId(id) ? { type: 'recall', target: { kind, id } } : undefined;
  if (kind !== 'toolchain' && kind !== 'result') return undefined;
  return isDigest(id) ? { type: 'recall', target: { kind, id } } : undefined;
}

/** Sorted and without repeats, so that one list has one spelling. */
function isKeepList(value: unknown): value is string[] {
  if (!Array.isArray(value) || value.length > MAX_KEPT) return false;
  return value.every((id, index) => isId(id) && (index === 0 || value[index - 1] < id));
}
