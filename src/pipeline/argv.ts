import { join } from 'node:path';
import type { Argument, RustcPlan } from '../compilers/plan.js';
import type { Files } from '../keying/ports.js';
import type { Roots } from '../keying/roots.js';

export interface Rewrite {
  roots: Roots;
  /** '' keeps the command line's own. */
  canonical: string;
  incremental: string | undefined;
  linkInputs: string | undefined;
  /** Searched for dependencies instead of what the command line names. */
  dependencies?: string;
}

/**
 * The compiler's command line as vrift runs it (docs/keying.md, "What vrift changes"). A stable
 * function of unit and target directory: whether the result is stored makes no difference.
 */
export function rewriteArgv(plan: RustcPlan, change: Rewrite): string[] {
  const words = plan.clippy === undefined ? [plan.compiler] : [plan.clippy, plan.compiler];
  for (const [from, to] of change.roots.remaps()) words.push(`--remap-path-prefix=${from}=${to}`);
  for (const argument of plan.arguments) {
    if (argument.flag === '-C metadata' && change.canonical !== '') {
      words.push('-C', `metadata=${change.canonical}`);
    } else if (argument.flag === '-C incremental' && change.incremental !== undefined) {
      words.push('-C', `incremental=${change.incremental}`);
    } else if (change.dependencies === undefined || !isDependencyDir(argument)) {
      words.push(...argument.words);
    }
  }
  if (change.linkInputs !== undefined) {
    for (const word of ['-Xlinker', `--dependency-file=${change.linkInputs}`]) {
      words.push('-C', `link-arg=${word}`);
    }
  }
  if (change.dependencies !== undefined) {
    words.push('-L', `dependency=${change.dependencies}`);
  }
  return words;
}

function isDependencyDir({ flag, value = '' }: Argument): boolean {
  return flag === '-L' && value.startsWith('dependency=');
}

/**
 * Each unit gets an incremental state of its own: every package's build script shares cargo's
 * crate name. A state is warm when it holds a finalised session; a killed compile leaves only a
 * `-working` one, which rustc ignores.
 */
export function incrementalState(
  plan: RustcPlan,
  canonical: string,
  files: Files,
): { dir: string; warm: boolean } | undefined {
  if (plan.incremental === undefined) return undefined;
  if (canonical === '') return { dir: plan.incremental, warm: true };
  const dir = join(plan.incremental, `${plan.crateName}-${canonical}`);
  const warm = (files.list(dir) ?? []).some((crate) =>
    (files.list(join(dir, crate)) ?? []).some(
      (session) =>
        session.startsWith('s-') && !session.endsWith('-working') && !session.endsWith('.lock'),
    ),
  );
  return { dir, warm };
}
