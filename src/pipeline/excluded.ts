import { relative } from 'node:path';
import type { ProjectRules } from './ports.js';
import type { Refusal, Unit } from './prepare.js';

/** What `cache_targets` and `cache_extensions` leave out, and what `extra_inputs` make unclear. */
export function excludedBy(
  rules: ProjectRules,
  unit: Unit,
  targetDir: string,
): Refusal | undefined {
  const { plan, outputs, declared } = unit;
  if (declared?.kind === 'unclear') return { reason: 'extra inputs', detail: declared.problem };
  if (rules.cacheTargets !== undefined) {
    const parts = relative(targetDir, plan.outDir).split('/');
    const profile = parts[0] === plan.target ? parts[1] : parts[0];
    if (profile === undefined || !rules.cacheTargets.includes(profile)) {
      return { reason: 'profile not cached', detail: profile ?? plan.outDir };
    }
  }
  if (rules.cacheExtensions !== undefined) {
    for (const { role, path } of outputs) {
      if (role === 'dep-info') continue;
      const file = path.slice(path.lastIndexOf('/') + 1);
      const dot = file.lastIndexOf('.');
      const extension = dot < 0 ? '' : file.slice(dot);
      if (!rules.cacheExtensions.includes(extension)) {
        return { reason: 'extension not cached', detail: file };
      }
    }
  }
  return undefined;
}
