import { withoutSlash } from '../keying/roots.js';
import type { ArtifactRecord } from './artifacts.js';
import type { PipelinePorts } from './ports.js';
import type { Unit } from './prepare.js';

/**
 * Why what a compile makes must not leave this machine; each reason is counted.
 *
 * @returns the reasons with what they are about; [] when it may
 */
export function reasonsToStay(
  unit: Unit,
  { recorder, keptDirs }: Pick<PipelinePorts, 'recorder' | 'keptDirs'>,
): string[] {
  const { closure, incremental, plan } = unit;
  const reasons: [reason: string, about: string][] = [];
  const [foreign] = closure.foreign;
  if (foreign !== undefined) reasons.push(['foreign dependency', fileName(foreign)]);
  const dependency = [...closure.records.values()].find((entry) => entry.localOnly);
  if (dependency !== undefined) reasons.push(['local-only dependency', crateOf(dependency)]);
  const generated = keptDirs.get(withoutSlash(unit.env.get('OUT_DIR') ?? ''))?.secret ?? '';
  if (generated !== '') reasons.push(['its build script read a secret variable', generated]);
  if (incremental?.warm) reasons.push(['warm incremental state', '']);
  if (plan.splitDebuginfo === 'unpacked') reasons.push(['unpacked debug information', '']);
  // The names of an incremental compile's units have a random part, and packing keeps them.
  if (plan.splitDebuginfo === 'packed' && incremental !== undefined) {
    reasons.push(['packed debug information of an incremental compile', '']);
  }
  return reasons.map(([reason, about]) => {
    recorder.localOnly(reason, plan.crateName);
    return about === '' ? reason : `${reason}: ${about}`;
  });
}

function crateOf(entry: ArtifactRecord): string {
  return entry.crate;
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
