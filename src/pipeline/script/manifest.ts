import type { Digest } from '../../base/digest.js';
import type { Manifest } from '../../base/result.js';
import { namesIn } from '../../keying/manifest.js';
import type { PipelinePorts } from '../ports.js';
import type { ScriptReads } from './observed.js';
import type { ScriptUnit } from './prepare.js';
import { Slices } from './slices.js';

/** The kernel's tick: a change this close to the start may be after it. */
const GRAIN_NS = 20_000_000n;

const MAX_INPUTS = 18_000;

export interface ScriptManifest {
  manifest: Manifest;
  /** A variable that may hold a secret, if one was asked for. */
  secret: string | undefined;
}

/** @returns a text: why the run cannot be recorded */
export async function scriptManifest(
  unit: ScriptUnit,
  reads: ScriptReads,
  startedNs: bigint,
  { disk, hasher }: PipelinePorts,
): Promise<ScriptManifest | string> {
  const { roots } = unit;
  const size = reads.files.size + reads.absent.size + reads.listed.size + reads.env.size;
  if (size > MAX_INPUTS) return 'too many inputs';
  const inputs = new Map<string, Digest>();
  const slices = new Slices();
  for (const path of reads.files) {
    await slices.pause();
    const changed = disk.changedNs(path);
    const digest = await disk.digestAsync(path);
    if (changed === undefined || digest === undefined) return `input gone: ${path}`;
    if (changed > startedNs - GRAIN_NS) return `input changed during the run: ${path}`;
    inputs.set(roots.map(path), digest);
  }
  const listed: Manifest['listed'] = [];
  for (const path of reads.listed) {
    await slices.pause();
    if ((disk.namesChangedNs(path) ?? 0n) > startedNs - GRAIN_NS) {
      return `directory changed during the run: ${path}`;
    }
    const names = namesIn(path, '' as Digest, disk, hasher);
    if (names !== undefined) listed.push([roots.map(path), names]);
  }
  for (const path of reads.there) listed.push([roots.map(path), 'there']);
  let secret: string | undefined;
  const env: Manifest['env'] = [];
  for (const name of reads.env) {
    const value = unit.env.get(name);
    secret ??= unit.env.secretIn(name);
    env.push([name, value === undefined ? null : hasher.hash(roots.mapText(value))]);
  }
  const absent = [...reads.absent].map((path) => roots.map(path));
  const manifest: Manifest = {
    schema: 1,
    inputs: byName([...inputs]),
    env: byName(env),
    absent: [...new Set(absent)].sort(),
    listed: byName([...new Map(listed)]),
    observed: [],
    bound: [],
  };
  return { manifest, secret };
}

function byName<T extends [string, unknown]>(pairs: T[]): T[] {
  return pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
