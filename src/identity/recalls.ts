import type { Statement } from './statements.js';

/** What is refused although its signatures hold. */
export interface Recalls {
  /** Nodes: all that they ever signed, and ever will. */
  nodes: ReadonlySet<string>;
  /** Toolchain identities. */
  toolchains: ReadonlySet<string>;
  /** Result keys. */
  results: ReadonlySet<string>;
}

/**
 * What statements recall. Like a revoke, a recall counts for ever if its author is a claimant: it
 * takes away and never admits, so whoever made it may be revoked later. A revoke that counts
 * recalls its node where it says so.
 *
 * @param claimants whoever may have been an admin (roster.ts)
 */
export function recallsOf(
  statements: readonly Statement[],
  claimants: ReadonlySet<string>,
): Recalls {
  const recalls = {
    nodes: new Set<string>(),
    toolchains: new Set<string>(),
    results: new Set<string>(),
  };
  const named = { node: recalls.nodes, toolchain: recalls.toolchains, result: recalls.results };
  for (const statement of statements) {
    const counts = claimants.has(statement.author);
    if (statement.type === 'recall' && counts) {
      named[statement.target.kind].add(statement.target.id);
    }
    if (statement.type !== 'revoke' || !statement.recall) continue;
    if (counts || statement.author === statement.node) recalls.nodes.add(statement.node);
  }
  return recalls;
}
