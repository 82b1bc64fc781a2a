import { canonicalJson } from '../base/canonical.js';
import type { Hasher } from '../base/digest.js';
import type { RustcPlan } from '../compilers/plan.js';
import { effectOf } from '../compilers/rustc/tokenize.js';
import type { Environment } from './ports.js';
import type { Roots } from './roots.js';

/**
 * Replaces cargo's `-C metadata`, which differs between homes for crates outside the workspace
 * and between `CARGO_INCREMENTAL=0` and the default. Never made of content, or each upstream
 * edit would restart the incremental state of all dependents.
 *
 * @param dependencies extern name → that crate's own canonical metadata
 * @returns 16 hex characters
 */
export function canonicalMetadata(
  plan: RustcPlan,
  env: Environment,
  roots: Roots,
  dependencies: readonly (readonly [name: string, canonical: string])[],
  hasher: Hasher,
): string {
  const identity = {
    package: env.get('CARGO_PKG_NAME') ?? null,
    version: env.get('CARGO_PKG_VERSION') ?? null,
    manifestDir: roots.map(env.get('CARGO_MANIFEST_DIR') ?? ''),
    crate: plan.crateName,
    types: plan.crateTypes,
    test: plan.test,
    target: plan.target ?? null,
    emit: Object.keys(plan.emit).sort(),
    source: roots.mapText(plan.source),
    clippy: plan.clippy !== undefined,
    arguments: keyedWords(plan, roots),
    dependencies: [...dependencies].sort(([a], [b]) => (a < b ? -1 : 1)),
  };
  return hasher.hash(canonicalJson(identity)).slice(0, 16);
}

/**
 * The words whose effect is on what is compiled, mapped, in their order: order decides. A path in a
 * `--cfg` stays: sources can be compared with it.
 */
export function keyedWords(plan: RustcPlan, roots: Roots): string[] {
  return plan.arguments
    .filter((argument) => effectOf(argument) === 'key')
    .map(({ flag, value = '' }) => {
      const word = `${flag}=${value}`;
      return flag === '--cfg' || flag === '--check-cfg' ? word : roots.mapText(word);
    });
}
