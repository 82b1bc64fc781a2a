import { isId } from './ids.js';
import { isName } from './names.js';
import { isRole, type Role, VOUCHING } from './roles.js';

/** Whose word on a result a consumer takes. */
export type Policy =
  | { kind: 'any-member' }
  | { kind: 'role'; role: Role }
  /** Names or whole node ids. */
  | { kind: 'nodes'; nodes: readonly string[] }
  /** So many different nodes vouch for one result digest. */
  | { kind: 'quorum'; of: number };

/** A member, or a former one, as far as a policy looks at it. */
export interface Voucher {
  node: string;
  roles: ReadonlySet<Role>;
}

export const DEFAULT_POLICY = 'any-member';

/** A result has no more attestations. */
const MAX_QUORUM = 64;
const MAX_NODES = 256;

/** @returns undefined for text of no known form; `problem` says what of a known form is wrong */
export function parsePolicy(text: string): Policy | { problem: string } | undefined {
  if (text === 'any-member') return { kind: 'any-member' };
  const [kind, ...rest] = text.split(':');
  const value = rest.join(':');
  switch (kind) {
    case 'role':
      return parseRole(value);
    case 'nodes':
      return parseNodes(value);
    case 'quorum': {
      const of = /^[1-9]\d?$/.test(value) ? Number(value) : 0;
      const problem = `a quorum is of 1 to ${MAX_QUORUM} nodes`;
      return of >= 1 && of <= MAX_QUORUM ? { kind: 'quorum', of } : { problem };
    }
    default:
      return undefined;
  }
}

function parseRole(role: string): Policy | { problem: string } {
  if (isRole(role) && VOUCHING.has(role)) return { kind: 'role', role };
  const problem = role === 'reader' ? 'a reader vouches for nothing' : `"${role}" is no role`;
  return { problem };
}

function parseNodes(list: string): Policy | { problem: string } {
  const nodes = list.split(',').map((node) => node.trim());
  const bad = nodes.find((node) => !isId(node) && !isName(node));
  if (bad !== undefined) return { problem: `"${bad}" is neither a name nor a whole node id` };
  if (nodes.length > MAX_NODES) return { problem: `more than ${MAX_NODES} nodes` };
  return { kind: 'nodes', nodes };
}

/**
 * Whether these nodes' word on one result digest is enough.
 *
 * @param vouchers each of them once; none that only reads
 * @param idOf the only node that ever had a name
 */
export function suffices(
  policy: Policy,
  vouchers: readonly Voucher[],
  idOf: (name: string) => string | undefined,
): boolean {
  switch (policy.kind) {
    case 'any-member':
      return vouchers.length > 0;
    case 'role':
      return vouchers.some(({ roles }) => roles.has(policy.role));
    case 'nodes': {
      const ids = new Set(policy.nodes.map((node) => (isId(node) ? node : idOf(node))));
      return vouchers.some(({ node }) => ids.has(node));
    }
    case 'quorum':
      return vouchers.length >= policy.of;
    default:
      return policy satisfies never;
  }
}
