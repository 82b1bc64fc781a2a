import { canonicalJson } from '../base/canonical.js';
import type { Digest, Hasher } from '../base/digest.js';
import type { Attestation } from '../base/result.js';
import { resultDigestOf } from '../base/resultDigest.js';
import { BOUNDS, type Found } from '../wire/http.js';
import { PeerFault } from './fault.js';

/** What a found result is checked with. */
export interface FoundChecks {
  hasher: Pick<Hasher, 'hash'>;
  /** The result key that the pipeline would compute (keying/). */
  resultKeyOf(unitKey: Digest, manifest: Digest): Digest;
  /** `ok`, or what is wrong with it (identity/). */
  checkAttestation(attestation: Attestation): string;
}

/** Members may disagree for a while on who is one: then nobody lied. */
const ROSTER_LAG = 'signer is not a member';

export type CheckedFound =
  | { kind: 'sound'; resultDigest: Digest; attestations: Attestation[] }
  /** True to its digests, but nobody whom we know vouches for it. */
  | { kind: 'unvouched' }
  | { kind: 'lie'; reason: string };

/** Whether a result says what it is said to say. Shape and bounds were checked before. */
export function checkFound(unitKey: Digest, found: Found, checks: FoundChecks): CheckedFound {
  const { manifest, result, attestations } = found;
  const { hasher, resultKeyOf, checkAttestation } = checks;
  if (result.unitKey !== unitKey) return lie('it belongs to another unit key');
  if (hasher.hash(canonicalJson(manifest)) !== result.manifest) {
    return lie('its manifest is not the one it names');
  }
  if (resultKeyOf(unitKey, result.manifest) !== result.resultKey) {
    return lie('its result key does not follow from its manifest');
  }
  if (new Set(result.outputs.map(({ role }) => role)).size !== result.outputs.length) {
    return lie('it has two outputs of one role');
  }
  if (result.outputs.some(({ role, size }) => size > mostBytesOf(role))) {
    return lie('what is read as a whole is too large for that');
  }
  const resultDigest = resultDigestOf(result, hasher);
  const vouching: Attestation[] = [];
  for (const attestation of attestations) {
    if (attestation.resultDigest !== resultDigest || attestation.resultKey !== result.resultKey) {
      return lie('it comes with an attestation of something else');
    }
    const verdict = checkAttestation(attestation);
    if (verdict === 'ok') vouching.push(attestation);
    else if (verdict !== ROSTER_LAG) return lie(`an attestation is wrong: ${verdict}`);
  }
  if (vouching.length === 0) return { kind: 'unvouched' };
  return { kind: 'sound', resultDigest, attestations: vouching };
}

/**
 * What of it may be used; undefined when nobody whom we know vouches for it.
 *
 * @throws PeerFault for a lie: nothing else in that answer is believed then
 */
export function soundPart(
  unitKey: Digest,
  found: Found,
  checks: FoundChecks,
): { resultDigest: Digest; attestations: Attestation[] } | undefined {
  const checked = checkFound(unitKey, found, checks);
  if (checked.kind === 'lie') {
    throw new PeerFault(`a result for ${unitKey.slice(0, 16)}: ${checked.reason}`);
  }
  return checked.kind === 'unvouched' ? undefined : checked;
}

function mostBytesOf(role: string): number {
  if (role === 'dep-info') return BOUNDS.depInfoBytes;
  return role === 'tree' ? BOUNDS.treeBytes : BOUNDS.outputBytes;
}

function lie(reason: string): CheckedFound {
  return { kind: 'lie', reason };
}
