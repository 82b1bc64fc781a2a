import { canonicalJson } from '../base/canonical.js';
import { parseStatements } from './merge.js';
import { readMesh } from './meshFiles.js';
import { NodeKey } from './nodeKey.js';
import type { Recalls } from './recalls.js';
import type { Role } from './roles.js';
import { evaluate, type Roster, type Standing } from './roster.js';

/** What of a roster decides on results. Plain data: it crosses threads whenever it changes. */
export interface TrustFacts {
  mesh: string;
  /** This node's id. */
  self: string;
  /** Members, and with `revoked` those who were. */
  nodes: readonly KnownNode[];
  recalls: Recalls;
}

export interface KnownNode {
  node: string;
  roles: readonly Role[];
  names: readonly string[];
  revoked: boolean;
}

export function trustFactsOf(mesh: string, self: string, roster: Roster): TrustFacts {
  const line = (revoked: boolean) => (entry: [string, Standing]) => ({
    node: entry[0],
    roles: [...entry[1].roles],
    names: entry[1].names,
    revoked,
  });
  return {
    mesh,
    self,
    nodes: [...[...roster.members].map(line(false)), ...[...roster.revoked].map(line(true))],
    recalls: roster.recalls,
  };
}

export const NOTHING_RECALLED = '';

/** The same text for the same recalls, as far as they concern this node. */
export function recallsText(facts: TrustFacts | undefined): string {
  if (facts === undefined) return NOTHING_RECALLED;
  const { nodes, toolchains, results } = facts.recalls;
  const lists = [nodes, toolchains, results].map((ids) => [...ids].sort());
  if (lists.every((ids) => ids.length === 0)) return NOTHING_RECALLED;
  return canonicalJson([facts.mesh, facts.self, ...lists]);
}

/**
 * The same from the node's own files, before its mesh is open. What is there was checked before it
 * was written, so no signature is looked at again.
 *
 * @returns undefined when this node belongs to no mesh
 * @throws VRIFT_MESH_DAMAGED and others when the files cannot be read as they should
 */
export async function readTrustFacts(dir: string): Promise<TrustFacts | undefined> {
  const mesh = readMesh(dir);
  if (mesh === undefined) return undefined;
  const { genesis, statements } = mesh;
  const claims = parseStatements(genesis, statements).map(({ statement }) => statement);
  const { nodeId } = await NodeKey.open(dir);
  return trustFactsOf(genesis.meshId, nodeId, evaluate(genesis, claims));
}
