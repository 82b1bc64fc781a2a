import type { Unit } from './prepare.js';

/**
 * Stable over edits, flags, versions and homes: the same crate, compiled for the same purpose.
 * Packages from CARGO_HOME go by their name, so that a new version is compared with the old one.
 */
export function nameOf({ plan, env, roots }: Pick<Unit, 'plan' | 'env' | 'roots'>): string {
  const place = roots.map(env.get('CARGO_MANIFEST_DIR') ?? plan.source);
  const fetched = place.startsWith('/vr/cargo/') ? env.get('CARGO_PKG_NAME') : undefined;
  const parts = [fetched ?? place, plan.crateName, plan.target ?? '', typeOf(plan)];
  return [...parts, plan.optimised ? 'optimised' : 'debug'].join('|');
}

export function typeOf(plan: Pick<Unit['plan'], 'test' | 'crateTypes' | 'emit'>): string {
  const type = plan.test ? 'test' : plan.crateTypes.join('+');
  return plan.emit.link === undefined ? `${type} (check)` : type;
}

/** The same of a command line that gave no plan. */
export function typeIn(argv: readonly string[]): string {
  if (argv.includes('--test')) return 'test';
  const types = argv.flatMap((word, at) => {
    if (word.startsWith('--crate-type=')) return word.slice('--crate-type='.length);
    return argv[at - 1] === '--crate-type' ? word : [];
  });
  return types.join('+') || 'bin';
}
