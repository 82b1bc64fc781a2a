import type { Digest } from '../base/digest.js';
import type { PipelinePorts, StoredResult } from './ports.js';

/** Writes down what of another node's result lies where: no recall can take it from there. */
export function noteTaken(
  { result, attestations, origin }: StoredResult,
  ports: Pick<PipelinePorts, 'taken' | 'clock'>,
  unit: string,
  files: readonly { path: string; digest: Digest | null }[],
): void {
  if (origin === 'own') {
    for (const { path } of files) noteReplaced(path, ports);
    return;
  }
  const { taken, clock } = ports;
  const signers = [...new Set(attestations.map(({ signer }) => signer))];
  const about = { unit, key: result.resultKey, signers, at: clock.now() };
  for (const { path, digest } of files) taken.put(path, { ...about, digest });
}

/** What lies there was made here: the same bytes, perhaps, but nobody else's word is needed. */
export function noteReplaced(path: string, { taken }: Pick<PipelinePorts, 'taken'>): void {
  const before = taken.get(path);
  if (before !== undefined && before.signers.length > 0)
    taken.put(path, { ...before, signers: [] });
}
