import type { Digest } from '../base/digest.js';
import type { PipelinePorts, StoredResult } from './ports.js';

/** Writes down what of another node's result lies where: no recall can take it from there. */
export function noteTaken(
  { result, attestations, origin }: StoredResult,
  { taken, clock }: Pick<PipelinePorts, 'taken' | 'clock'>,
  unit: string,
  files: readonly { path: string; digest: Digest | null }[],
): void {
  if (origin === 'own') return;
  const signers = [...new Set(attestations.map(({ signer }) => signer))];
  const about = { unit, key: result.resultKey, signers, at: clock.now() };
  for (const { path, digest } of files) taken.put(path, { ...about, digest });
}

/** A build script has run here: what its directory holds is its own now. */
export function noteReplaced(dir: string, { taken }: Pick<PipelinePorts, 'taken'>): void {
  const before = taken.get(dir);
  if (before !== undefined && before.signers.length > 0) taken.put(dir, { ...before, signers: [] });
}
