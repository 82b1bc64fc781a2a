import type { Digest, Hasher } from '../../base/digest.js';
import { type OutputRole, RESULT_SCHEMA } from '../../base/result.js';
import { SECRET } from '../../keying/secret.js';
import type { Held } from '../../mesh/offers.js';
import { preferredFirst, standingOf } from '../../pipeline/choose.js';
import type { StoreReader } from '../../store/reader.js';
import type { StoredEntry } from '../../store/records.js';

/** What other units can be compiled against: only there does it matter which result is used. */
const HAS_DEPENDENTS: readonly OutputRole[] = ['rlib', 'rmeta', 'proc-macro', 'dylib'];

/** What peers are told of this node's results, to hear whether they have preferred ones. */
export function heldOf(
  resultKeys: readonly Digest[],
  store: Pick<StoreReader, 'bucket'>,
  hasher: Hasher,
  mayTell: (entry: StoredEntry) => boolean,
): Held[] {
  return resultKeys.flatMap((resultKey) => {
    const bucket = store.bucket(resultKey);
    const [best] = preferredFirst(bucket?.entries.filter(mayTell) ?? [], hasher);
    if (bucket === undefined || best?.result.schema !== RESULT_SCHEMA) return [];
    if (bucket.entries.some(({ withheld }) => withheld)) return [];
    if (!best.result.outputs.some(({ role }) => HAS_DEPENDENTS.includes(role))) return [];
    // Its key is made with a digest of the secret.
    if (bucket.manifest.env.some(([name, value]) => value !== null && SECRET.test(name))) return [];
    return [{ unitKey: bucket.unitKey, standing: standingOf(best.result, hasher) }];
  });
}
