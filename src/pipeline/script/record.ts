import { canonicalJson } from '../../base/canonical.js';
import type { Result } from '../../base/result.js';
import { manifestDigest, resultKeyOf } from '../../keying/manifest.js';
import type { PipelinePorts } from '../ports.js';
import type { ScriptRan, ScriptRecord } from './describe.js';
import type { ScriptUnit } from './prepare.js';

/** Stores a run for whoever would run the same. */
export async function recordRun(
  unit: ScriptUnit,
  ran: ScriptRan,
  { manifest, secret, tree, stdout, stderr }: ScriptRecord,
  { hasher, store, recorder }: PipelinePorts,
): Promise<void> {
  const digest = manifestDigest(manifest, hasher);
  const result: Result = {
    schema: 1,
    unitKey: unit.key,
    resultKey: resultKeyOf(unit.key, digest, hasher),
    manifest: digest,
    toolchain: unit.toolchain.id,
    target: unit.target,
    crateName: `build script of ${unit.name}`,
    class: 'plain',
    messages: 'silent',
    compileMs: Math.round(ran.ms),
    outputs: [{ role: 'tree', executable: false, ...(await store.putBytes(tree)) }],
    stdout: await store.putBytes(stdout),
    stderr: await store.putBytes(stderr),
  };
  if (secret !== undefined) recorder.localOnly('reads a secret variable', result.crateName);
  store.putResult({
    result,
    manifest,
    resultDigest: hasher.hash(canonicalJson(result)),
    attestations: [],
    localOnly: secret !== undefined,
    origin: 'own',
  });
  recorder.stored(tree.length);
}
