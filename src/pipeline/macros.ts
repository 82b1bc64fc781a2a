import type { RustcPlan } from '../compilers/plan.js';
import type { Closure } from './artifacts.js';

/** Procedural macros that a compile may run. */
export interface Macros {
  /** Their crates' names, sorted. */
  names: string[];
  /** Whether there may be any: a file that no node made can bring some along. */
  any: boolean;
}

/**
 * Every macro of the closure counts, not only those among the externs: `serde` exports the macros
 * of `serde_derive`, which is no extern of whoever derives.
 */
export function macrosOf(plan: RustcPlan, closure: Closure): Macros {
  const names = new Set<string>();
  for (const record of closure.records.values()) {
    if (record.role === 'proc-macro') names.add(record.crate);
  }
  const dynamic = plan.externs.some(({ path }) => /\.(so|dylib|dll)$/.test(path ?? ''));
  const any = names.size > 0 || dynamic || closure.foreign.length > 0;
  return { names: [...names].sort(), any };
}
