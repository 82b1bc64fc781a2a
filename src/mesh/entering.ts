import { VriftError } from '../base/errors.js';
import type { Membership } from '../identity/membership.js';
import type { NodeKey } from '../identity/nodeKey.js';
import { chooseMesh } from './chooseMesh.js';
import type { MeshConfig } from './config.js';
import { lookAround, type SeenMesh } from './lookAround.js';
import { type JoinOptions, knock } from './transport/join.js';

/** What a person said who joins without a token. */
export interface EnterWish {
  /** The name of the mesh that is meant; undefined: the one in sight. */
  mesh: string | undefined;
  /** Ends the wait. */
  signal: AbortSignal;
  onCode(code: string, mesh: SeenMesh): void;
}

export interface EnterOptions {
  key: NodeKey;
  config: Pick<MeshConfig, 'peers' | 'mdns' | 'interfaces'>;
  join: JoinOptions;
  /** The mesh that this node is alone in, or none. */
  current: Membership | undefined;
  signal: AbortSignal;
  onProblem(message: string): void;
}

/**
 * Knocks at the mesh in sight, and waits until an admin has typed the code, ten minutes at most.
 *
 * @returns undefined when there is none but the present one
 * @throws VRIFT_JOIN_AMBIGUOUS, and what `knock` throws
 */
export async function knockInSight(
  wish: Pick<EnterWish, 'mesh' | 'onCode'>,
  { key, config, join, current, signal, onProblem }: EnterOptions,
): Promise<{ membership: Membership; doors: SeenMesh['doors'] } | undefined> {
  const around = await lookAround({ key, config, signal, onProblem });
  const others = around.meshes.filter(({ id }) => id !== current?.meshId);
  const mesh = chooseMesh(others, around.places, wish.mesh);
  if (mesh === undefined) return undefined;
  const membership = await knock({
    ...join,
    mesh,
    doors: mesh.doors,
    onCode: (code) => wish.onCode(code, mesh),
  });
  return { membership, doors: mesh.doors };
}

/**
 * Whether there is nothing to do: this node has company in the mesh that is meant.
 *
 * @throws VRIFT_MESH_MEMBER when it has company in another
 */
export function isThere(current: Membership | undefined, wanted: string | undefined): boolean {
  if (current === undefined || current.isAlone) return false;
  if (wanted === undefined || wanted === current.name) return true;
  throw new VriftError('VRIFT_MESH_MEMBER', `this node belongs to the mesh ${current.name}`);
}
