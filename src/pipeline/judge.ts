import type { Digest } from '../base/digest.js';
import type { Manifest } from '../base/result.js';
import type { Artifacts } from './artifacts.js';
import type { PipelinePorts, StorePort } from './ports.js';
import type { Unit } from './prepare.js';
import { isNamedIn, NAMED } from './privacy.js';

/** Nobody waits for it but what stores a result. */
const PATIENCE_MS = 10_000;

/**
 * A unit is private as well that reads or prints the name of an excluded crate: from now on peers hear
 * nothing of it, stored before or not.
 *
 * @param printed mapped
 */
export function judgeNamed(
  unit: Unit,
  manifest: Manifest,
  printed: readonly string[],
  ports: Pick<PipelinePorts, 'store' | 'secluded'>,
): void {
  if (unit.offMesh === undefined && isNamedIn(manifest, printed, unit.exclude)) {
    keepOff(unit, NAMED, ports);
  }
}

/** And so is what was compiled against something that turned out so while this was compiled. */
export async function judgeDependencies(
  unit: Unit,
  ports: Pick<PipelinePorts, 'store' | 'secluded'>,
  artifacts: Artifacts,
): Promise<void> {
  if (unit.offMesh !== undefined) return;
  const crate = await artifacts.privateAmong(unit.closure.records.keys(), PATIENCE_MS);
  if (crate !== undefined) keepOff(unit, crate, ports);
}

function keepOff(
  unit: Unit,
  about: string,
  { store, secluded }: Pick<PipelinePorts, 'store' | 'secluded'>,
): void {
  unit.offMesh = { about, spreads: true };
  store.withhold(unit.key);
  secluded(unit.plan.crateName, unit.exclude);
}

/** What a stored result prints, mapped; undefined when that is gone. */
export function printedBy(
  { stdout, stderr }: { stdout: Printed; stderr: Printed },
  store: Pick<StorePort, 'readBlob'>,
): string[] | undefined {
  const texts = [stdout, stderr].map(({ digest, size }) =>
    size === 0 ? '' : store.readBlob(digest)?.toString('utf8'),
  );
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

interface Printed {
  digest: Digest;
  size: number;
}
