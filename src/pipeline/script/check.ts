import type { Digest } from '../../base/digest.js';
import type { Found } from '../lookup.js';
import type { PipelinePorts } from '../ports.js';
import type { ScriptRan, ScriptRecord } from './describe.js';
import type { ScriptUnit } from './prepare.js';
import { differencesOfTrees } from './tree.js';

const MAX_NAMED = 20;
const MAX_STDERR_CHARS = 64 * 1024;

interface Differing {
  what: string;
  damaged: boolean;
  cached: Digest | undefined;
  compiled: Digest | undefined;
}

/**
 * Compares a run with the one that would have been put in place. Where they differ, that is
 * reported and the entry dropped. `damaged`: what was stored is not what it was any more.
 */
export async function checkRun(
  found: Found,
  unit: ScriptUnit,
  ran: ScriptRan,
  now: ScriptRecord,
  ports: PipelinePorts,
): Promise<'alike' | 'differs' | 'damaged'> {
  const differing = await differences(found, now, ports);
  ports.recorder.checked(differing.length === 0 ? 'same' : 'differs', 'script');
  if (differing.length > 0) report(found, differing, unit, ran, ports);
  if (differing.length === 0) return 'alike';
  return differing.some(({ damaged }) => damaged) ? 'damaged' : 'differs';
}

async function differences(
  { stored: { result } }: Found,
  now: ScriptRecord,
  { store, hasher }: PipelinePorts,
): Promise<Differing[]> {
  const differing: Differing[] = [];
  const texts = [
    { what: 'stdout', blob: result.stdout, bytes: now.stdout },
    { what: 'stderr', blob: result.stderr, bytes: now.stderr },
  ];
  for (const { what, blob, bytes } of texts) {
    const compiled = hasher.hash(bytes);
    if (compiled === blob.digest) continue;
    differing.push({ what, damaged: false, cached: blob.digest, compiled });
  }
  for (const { digest } of result.outputs.slice(1)) {
    if (await store.isIntact(digest)) continue;
    differing.push({ what: 'OUT_DIR', damaged: true, cached: digest, compiled: undefined });
  }
  const cached = result.outputs[0]!.digest;
  const compiled = hasher.hash(now.tree);
  if (cached === compiled) return differing;
  const damaged = !(await store.isIntact(cached));
  const before = damaged ? undefined : store.readBlob(cached);
  const names = before === undefined ? undefined : differencesOfTrees(before, now.tree);
  const what = names ?? ['OUT_DIR'];
  for (const name of what.slice(0, MAX_NAMED)) {
    differing.push({ what: name, damaged, cached, compiled });
  }
  return differing;
}

function report(
  found: Found,
  differing: readonly Differing[],
  unit: ScriptUnit,
  ran: ScriptRan,
  { differences: folders, store, recorder }: PipelinePorts,
): void {
  const { result, resultDigest, manifest, attestations, origin } = found.stored;
  const kept = folders.keep(
    {
      unit: result.crateName,
      crateType: 'build script',
      differing: [...differing],
      from: found.from,
      peer: found.peer ?? null,
      signers: origin === 'own' ? [] : attestations.map(({ signer }) => signer),
      compiler: unit.toolchain.version,
      argv: [...unit.argv],
      cwd: unit.cwd,
      exitCode: ran.code,
      stderr: ran.stderr.slice(0, MAX_STDERR_CHARS),
      result,
      manifest,
    },
    result.outputs.map(({ role, digest }) => ({
      name: `${role.replace(':', '-')}.cached`,
      path: store.blobPath(digest),
    })),
  );
  store.dropResult(result.resultKey, resultDigest);
  for (const { damaged, cached } of differing) {
    if (damaged && cached !== undefined) store.dropBlob(cached);
  }
  const what = differing.map((one) => (one.damaged ? `${one.what} (damaged)` : one.what));
  const where = `${result.crateName}: ${what.join(', ')} from ${found.peer ?? found.from}`;
  const folder = kept === undefined ? [] : [`kept in ${kept.folder}`];
  recorder.error('VRIFT_VERIFY_DIFFERS', [where, `key ${unit.key}`, ...folder].join('; '));
}
