import type { RustcPlan } from '../compilers/plan.js';
import { type Artifacts, type Closure, masksOf } from './artifacts.js';

/** Procedural macros that a compile may run. */
export interface Macros {
  /** Their crates' names, sorted. */
  names: string[];
  /**
   * `crate identity` of each, sorted. A library that hands one on names it by a hash of Rust
   * sources, which C code inside does not change.
   */
  identities: string[];
  /** Whether there may be any: a file that no node made can bring some along. */
  any: boolean;
}

/**
 * Every macro of the closure counts, not only those among the externs: `serde` exports the macros
 * of `serde_derive`, which is no extern of whoever derives.
 */
export function macrosOf(plan: RustcPlan, closure: Closure, artifacts: Artifacts): Macros {
  const masks = masksOf(closure.records.values(), '');
  const names = new Set<string>();
  const identities = new Set<string>();
  for (const [path, { role, crate }] of closure.records) {
    if (role !== 'proc-macro') continue;
    names.add(crate);
    identities.add(`${crate} ${artifacts.identityOf(path, masks) ?? 'missing'}`);
  }
  const dynamic = plan.externs.some(({ path }) => /\.(so|dylib|dll)$/.test(path ?? ''));
  const any = names.size > 0 || dynamic || closure.foreign.length > 0;
  return { names: [...names].sort(), identities: [...identities].sort(), any };
}
