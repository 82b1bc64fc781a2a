import { isDigest } from '../../base/digest.js';
import { VriftError } from '../../base/errors.js';
import { chooseMember } from '../../identity/chooseMember.js';
import { isId } from '../../identity/ids.js';
import type { RecallTarget } from '../../identity/statements.js';
import type { Taken } from '../../pipeline/ports.js';
import type { RecallInfo, SignedByInfo } from '../../wire/control.js';
import { type RpcTable, textParam } from '../lifecycle/rpc.js';
import type { MeshLink } from '../mesh/link.js';
import type { Conflicts } from './conflicts.js';

export interface TrustMethodsOptions {
  mesh: Pick<MeshLink, 'recall' | 'members'>;
  conflicts: Conflicts;
  /** Ends when what is recalled now is dropped; how many results went. */
  swept(): Promise<number>;
}

/** The methods of the control socket about who is believed. */
export function trustMethods({ mesh, conflicts, swept }: TrustMethodsOptions): RpcTable {
  return {
    'mesh.recall': async (params): Promise<RecallInfo> => {
      const target = targetOf(textParam(params, 'kind'), textParam(params, 'id'));
      // The roster's change is told before this is answered.
      const { kind, id } = await mesh.recall(target);
      return { recalled: id, kind, dropped: await swept() };
    },
    'mesh.conflicts': () => conflicts.list(),
  };
}

function targetOf(kind: string, id: string): RecallTarget {
  if (kind === 'node') return { kind, id };
  if (kind !== 'toolchain' && kind !== 'result') {
    throw new VriftError('VRIFT_USAGE', `nothing to recall: ${kind}`);
  }
  if (isDigest(id)) return { kind, id };
  throw new VriftError('VRIFT_USAGE', `${id} is no digest of 64 hexadecimal characters`);
}

/**
 * What came from a node and lies in target directories, where no recall reaches: files that still
 * hold the very bytes, and what build scripts that were replayed left.
 */
export async function signedBy(
  node: string,
  named: string | undefined,
  parts: {
    mesh: Pick<MeshLink, 'members'>;
    taken: Iterable<[path: string, taken: Taken]>;
    /** Undefined for a file that is gone. */
    digest(path: string): Promise<string | undefined>;
    exists(path: string): boolean;
  },
): Promise<SignedByInfo[]> {
  const id = isId(node) ? node : chooseMember(await parts.mesh.members(), node).node;
  const found: SignedByInfo[] = [];
  for (const [path, { unit, key, signers, at, digest }] of parts.taken) {
    if (!signers.includes(id) || (named !== undefined && named !== unit)) continue;
    if (!parts.exists(path)) continue;
    if (digest !== null && (await parts.digest(path)) !== digest) continue;
    found.push({ unit, path, key, at });
  }
  return found.sort((a, b) => b.at - a.at);
}
