import type { Result } from '../base/result.js';
import type { Found } from './lookup.js';
import type { PipelinePorts } from './ports.js';
import type { Unit } from './prepare.js';
import type { Ran } from './record.js';
import { typeOf } from './unitName.js';
import type { Differing } from './verify.js';

/** All that somebody who looks into a difference needs, beside the files themselves. */
export interface DifferenceReport {
  unit: string;
  crateType: string;
  differing: (Omit<Differing, 'file' | 'what'> & { what: string })[];
  /** `disk` or `peer`, and which peer gave it. */
  from: string;
  peer: string | null;
  /** Who compiled what the cache had: node ids; [] when it was this node. */
  signers: string[];
  compiler: string;
  argv: string[];
  cwd: string;
  exitCode: number | null;
  stderr: string;
  result: Result;
  manifest: Found['stored']['manifest'];
}

/** Where differences are put aside. */
export interface DifferencesPort {
  /**
   * Keeps a report with both files of each difference, as far as there is room.
   *
   * @returns where, and how often that unit key had differed before as far as is remembered;
   *   undefined when nothing could be written
   */
  keep(
    report: DifferenceReport,
    files: { name: string; path: string }[],
  ): { folder: string; earlier: number } | undefined;
}

const MAX_STDERR_CHARS = 64 * 1024;

/** Reports what a check found, and drops the entry. */
export function reportDifference(
  found: Found,
  differing: readonly Differing[],
  unit: Unit,
  ran: Ran,
  { differences, store, recorder }: PipelinePorts,
): void {
  const { result, resultDigest, manifest, attestations, origin } = found.stored;
  const files = differing.flatMap(({ what, cached, file }) => [
    ...(cached === undefined ? [] : [{ name: `${what}.cached`, path: store.blobPath(cached) }]),
    ...(file === undefined ? [] : [{ name: `${what}.compiled`, path: file }]),
  ]);
  const kept = differences.keep(
    {
      unit: unit.plan.crateName,
      crateType: typeOf(unit.plan),
      differing: differing.map(({ what, damaged, cached, compiled }) => {
        return { what, damaged, cached, compiled };
      }),
      from: found.from,
      peer: found.peer ?? null,
      signers: origin === 'own' ? [] : attestations.map(({ signer }) => signer),
      compiler: unit.about.compiler,
      argv: unit.argv,
      cwd: unit.cwd,
      exitCode: ran.code,
      stderr: ran.stderr.slice(0, MAX_STDERR_CHARS),
      result,
      manifest,
    },
    files,
  );
  store.dropResult(result.resultKey, resultDigest);
  for (const { damaged, cached } of differing) {
    if (damaged && cached !== undefined) store.dropBlob(cached);
  }
  const what = differing.map((one) => (one.damaged ? `${one.what} (damaged)` : one.what));
  const where = `${unit.plan.crateName}: ${what.join(', ')} from ${found.peer ?? found.from}`;
  const key = `key ${unit.key}, result ${resultDigest}, toolchain ${unit.toolchain.id}`;
  const again = kept !== undefined && kept.earlier > 0 ? ['differed before, too'] : [];
  const folder = kept === undefined ? [] : [`kept in ${kept.folder}`];
  const argv = `argv ${unit.argv.join(' ')}`;
  recorder.error('VRIFT_VERIFY_DIFFERS', [where, key, ...again, ...folder, argv].join('; '));
}
