import type { Result } from '../../base/result.js';
import { firstDifference, resultKeyOf } from '../../keying/manifest.js';
import type { Ahead } from '../ahead.js';
import { foreign } from '../foreign.js';
import { type Found, reachOf } from '../lookup.js';
import type { Candidate, Objection, PipelinePorts } from '../ports.js';
import { blobsOf } from '../restore.js';
import { type Budget, fetchBudget, take } from '../take.js';
import type { ScriptUnit } from './prepare.js';

const FIND_MS = 500;

/**
 * A recorded run whose inputs are the same now, on this disk or from a peer.
 *
 * @param expectedMs what a run is expected to take here; left out where nothing is known
 * @returns a text: the first input that differs from a recorded run, or `new` where there is none
 */
export async function findScript(
  unit: ScriptUnit,
  ports: PipelinePorts,
  ahead: Ahead,
  expectedMs?: number,
): Promise<Found | string> {
  const found = await search(unit, ports, ahead, fetchBudget(ports.clock, expectedMs));
  if (found === 'policy' || found === 'recall') ports.recorder.refused(found, unit.name);
  return found;
}

async function search(
  unit: ScriptUnit,
  ports: PipelinePorts,
  ahead: Ahead,
  leftFor: Budget,
): Promise<Found | string> {
  ahead.called(unit.key);
  const here = findHere(unit, ports);
  if (typeof here !== 'string') return ahead.credit(here);
  if (unit.offMesh !== undefined || !ports.mesh.reachable) return here;
  const ending = await ahead.arrival(unit.key, leftFor);
  if (ending === 'late') return here;
  if (ending === 'ended') {
    const arrived = findHere(unit, ports);
    if (typeof arrived !== 'string') return ahead.credit(arrived);
  }
  const found = await findRemote(unit, here, ports, leftFor);
  const mayFollow = unit.exclude.length === 0;
  if (typeof found !== 'string' && mayFollow) ahead.follow(found.peer, unit.key);
  return found;
}

/** @returns a text as `findScript` does */
function findHere(unit: ScriptUnit, ports: PipelinePorts): Found | string {
  let why: string | undefined;
  const { store, disk, hasher, trust } = ports;
  let refused: Objection | undefined;
  for (const { digest, manifest } of store.manifestsOf(unit.key)) {
    const results = store.resultsOf(resultKeyOf(unit.key, digest, hasher));
    const reach = reachOf(results);
    const difference = firstDifference(manifest, unit.roots, unit.env, disk, hasher, reach);
    why ??= difference?.input;
    if (difference !== undefined) continue;
    for (const stored of results) {
      const objection = trust.keeping(stored);
      refused ??= objection;
      if (objection !== undefined) continue;
      const isHere = blobsOf(stored.result).every(
        (blob) => blob.size === 0 || store.check(blob.digest, blob.size) === 'ok',
      );
      if (isTree(stored.result) && isHere)
        return { stored, from: 'disk', peer: undefined, received: 0 };
    }
  }
  return refused?.reason ?? why ?? NEW;
}

/**
 * @param here    why no run on this disk will do
 * @param leftFor what the call still waits for content
 */
async function findRemote(
  unit: ScriptUnit,
  here: string,
  ports: PipelinePorts,
  leftFor: Budget,
): Promise<Found | string> {
  let why = here === NEW ? undefined : here;
  const { disk, hasher, mesh } = ports;
  const candidates = await mesh.find(unit.key, { deadlineMs: FIND_MS });
  const isExpected = ({ result }: Candidate) => isTree(result);
  const { usable, refused } = foreign(unit.key, candidates, ports, isExpected);
  for (const candidate of usable) {
    const { manifest, result } = candidate;
    const differs = firstDifference(manifest, unit.roots, unit.env, disk, hasher, 'known-roots');
    why ??= differs?.input;
    if (differs !== undefined) continue;
    const leftMs = leftFor(result.compileMs);
    if (leftMs === 0) continue;
    const found = await take(candidate, leftMs, ports);
    if (found !== undefined) return found;
  }
  return refused?.objection.reason ?? why ?? NEW;
}

const NEW = 'new';

/** A tree, and large files of it. */
function isTree({ outputs }: Result): boolean {
  const [tree, ...files] = outputs;
  return tree?.role === 'tree' && files.every(({ role }) => /^file:\d+$/.test(role));
}
