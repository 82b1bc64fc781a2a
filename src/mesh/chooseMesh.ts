import { VriftError } from '../base/errors.js';
import type { SeenMesh } from './lookAround.js';

/**
 * The mesh to knock at.
 *
 * @param places how many nodes were in sight, answering or not
 * @returns undefined when there is nothing in sight, so that one may be founded
 * @throws VRIFT_JOIN_AMBIGUOUS, VRIFT_JOIN_UNREACHABLE
 */
export function chooseMesh(
  meshes: readonly SeenMesh[],
  places: number,
  named: string | undefined,
): SeenMesh | undefined {
  const wanted =
    named === undefined ? meshes : meshes.filter(({ name, id }) => name === named || id === named);
  const [mesh, other] = wanted;
  if (other !== undefined) throw ambiguous(wanted);
  if (mesh === undefined) {
    if (meshes.length > 0) {
      const names = meshes.map(({ name }) => name).join(', ');
      throw new VriftError('VRIFT_JOIN_UNREACHABLE', `no mesh ${named} is in sight, only ${names}`);
    }
    if (places > 0) {
      const message = `${places} vrift nodes are in sight, and none says which mesh it is of`;
      throw new VriftError('VRIFT_JOIN_UNREACHABLE', message);
    }
    return undefined;
  }
  if (mesh.doors.length > 0) return mesh;
  const message = `no admin of the mesh ${mesh.name} is in sight: ask one for a token`;
  throw new VriftError('VRIFT_JOIN_UNREACHABLE', message);
}

/** Anybody can give a mesh any name: equal ones are told apart by their ids. */
function ambiguous(meshes: readonly SeenMesh[]): VriftError {
  const same = new Set(meshes.map(({ name }) => name)).size < meshes.length;
  const list = meshes.map(({ name, id }) => (same ? `${name} (${id})` : name)).join(', ');
  const message = `${meshes.length} meshes are in sight: ${list}`;
  return new VriftError('VRIFT_JOIN_AMBIGUOUS', message);
}
