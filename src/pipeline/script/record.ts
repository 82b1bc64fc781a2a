import { type Output, RESULT_SCHEMA, type Result } from '../../base/result.js';
import { resultDigestOf } from '../../base/resultDigest.js';
import { manifestDigest, resultKeyOf } from '../../keying/manifest.js';
import type { PipelinePorts } from '../ports.js';
import { excludedIn, OFF_MESH, pathsOf } from '../privacy.js';
import type { ScriptRan, ScriptRecord } from './describe.js';
import type { ScriptUnit } from './prepare.js';

/** Stores a run for whoever would run the same. */
export async function recordRun(
  unit: ScriptUnit,
  ran: ScriptRan,
  { manifest, secret, tree, large, stdout, stderr }: ScriptRecord,
  { hasher, store, recorder, trust, conflicts }: PipelinePorts,
): Promise<'stored' | 'recalled'> {
  const digest = manifestDigest(manifest, hasher);
  const resultKey = resultKeyOf(unit.key, digest, hasher);
  const toolchain = unit.toolchain.id;
  const own = { attestations: [], origin: 'own' as const };
  if (trust.keeping({ ...own, result: { resultKey, toolchain } })) return 'recalled';
  const outputs: Output[] = [{ role: 'tree', executable: false, ...(await store.putBytes(tree)) }];
  for (const [index, bytes] of [...large.values()].entries()) {
    outputs.push({ role: `file:${index}`, executable: false, ...(await store.putBytes(bytes)) });
  }
  const result: Result = {
    schema: RESULT_SCHEMA,
    unitKey: unit.key,
    resultKey,
    manifest: digest,
    toolchain,
    target: unit.target,
    crateName: `build script of ${unit.name}`,
    class: 'plain',
    messages: 'silent',
    compileMs: Math.round(ran.ms),
    outputs,
    stdout: await store.putBytes(stdout),
    stderr: await store.putBytes(stderr),
  };
  if (secret !== undefined) recorder.localOnly('reads a secret variable', result.crateName);
  const told = [...pathsOf(manifest), stdout.toString('utf8'), stderr.toString('utf8')];
  const isPrivate = unit.offMesh !== undefined || excludedIn(told, unit.exclude) !== undefined;
  if (isPrivate) recorder.localOnly(OFF_MESH, result.crateName);
  store.putResult({
    result,
    manifest,
    resultDigest: resultDigestOf(result, hasher),
    localOnly: secret !== undefined || isPrivate,
    ...own,
    ...(isPrivate && secret === undefined && { withheld: true as const }),
  });
  conflicts.saw(store.resultsOf(resultKey));
  recorder.stored(outputs.reduce((sum, { size }) => sum + size, 0));
  return 'stored';
}
