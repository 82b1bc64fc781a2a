/** Strongest first: the order in which one word is chosen for a node with several roles. */
export const ROLES = ['admin', 'member', 'ci', 'reader'] as const;

/**
 * `admin` adds and removes nodes; `member` reads and vouches for results; `ci` is a member that a
 * policy can single out; `reader` only reads.
 */
export type Role = (typeof ROLES)[number];

export function isRole(text: unknown): text is Role {
  return ROLES.some((role) => role === text);
}

/** The one role to show for a node that has these. */
export function strongestOf(roles: ReadonlySet<Role>): Role | undefined {
  return ROLES.find((role) => roles.has(role));
}

/** Whoever has none of these vouches for nothing: a machine that builds unreviewed branches. */
export const VOUCHING: ReadonlySet<Role> = new Set(['admin', 'member', 'ci']);

export function mayVouch(roles: Iterable<Role>): boolean {
  for (const role of roles) if (VOUCHING.has(role)) return true;
  return false;
}
