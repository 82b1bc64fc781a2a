import { basename, dirname, join } from 'node:path';
import type { PlannedOutput, RustcPlan } from '../../compilers/plan.js';

/** Cargo compiles each package's build script into a directory of its own. */
const BUILD_DIR = /\/build\/[^/]+-[0-9a-f]{16}$/;
const HASH = /-[0-9a-f]{16}$/;

/** The name beside a build script under which the script itself stands (src/launcher/front.rs). */
export function behindFront(path: string): string {
  const name = basename(path).replace(HASH, '').replaceAll('_', '-');
  return join(dirname(path), `${name}.vrift`);
}

/** A build script's program stands behind a front. */
export function withFront(plan: RustcPlan, outputs: PlannedOutput[]): PlannedOutput[] {
  const isScript =
    plan.crateName.startsWith('build_script_') &&
    HASH.test(plan.extraFilename) &&
    BUILD_DIR.test(plan.outDir);
  if (!isScript) return outputs;
  return outputs.map((output) =>
    output.role === 'bin'
      ? { ...output, path: behindFront(output.path), front: output.path }
      : output,
  );
}

/** For the launcher: what takes whose place. */
export function frontOf(
  outputs: readonly PlannedOutput[],
): { front: { program: string; real: string } } | undefined {
  const fronted = outputs.find(({ front }) => front !== undefined);
  if (fronted?.front === undefined) return undefined;
  return { front: { program: fronted.front, real: fronted.path } };
}
