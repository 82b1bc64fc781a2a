import { type Output, RESULT_SCHEMA, type Result } from '../../base/result.js';
import { resultDigestOf } from '../../base/resultDigest.js';
import { manifestDigest, resultKeyOf } from '../../keying/manifest.js';
import type { PipelinePorts } from '../ports.js';
import { isNamedIn, OFF_MESH } from '../privacy.js';
import type { ScriptRan, ScriptRecord } from './describe.js';
import type { ScriptUnit } from './prepare.js';

/** Stores a run for whoever would run the same. */
export async function recordRun(
  unit: ScriptUnit,
  ran: ScriptRan,
  run: ScriptRecord,
  { hasher, store, recorder, trust, conflicts }: PipelinePorts,
): Promise<'stored' | 'recalled'> {
  const { manifest, secret, tree, large, stdout, stderr } = run;
  const digest = manifestDigest(manifest, hasher);
  const resultKey = resultKeyOf(unit.key, digest, hasher);
  const toolchain = unit.toolchain.id;
  const own = { attestations: [], origin: 'own' as const };
  const isRecalled = () =>
    trust.keeping({ ...own, result: { resultKey, toolchain } }) !== undefined;
  if (isRecalled()) return 'recalled';
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
  const isPrivate = isPrivateRun(unit, run);
  if (isPrivate) recorder.localOnly(OFF_MESH, result.crateName);
  // It may have been recalled while its blobs were written.
  if (isRecalled()) return 'recalled';
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

/** Whether a run, and with it what it wrote, is private: what it read and printed counts. */
export function isPrivateRun(
  { offMesh, exclude }: Pick<ScriptUnit, 'offMesh' | 'exclude'>,
  { manifest, stdout, stderr }: Pick<ScriptRecord, 'manifest' | 'stdout' | 'stderr'>,
): boolean {
  const printed = [stdout, stderr].map((bytes) => bytes.toString('utf8'));
  return offMesh !== undefined || isNamedIn(manifest, printed, exclude);
}
