import type { RustcPlan } from '../compilers/plan.js';
import type { Environment } from '../keying/ports.js';

/** What a caller may narrow for its own call. */
export interface Wishes {
  /** Compile and store again, read nothing. */
  recache: boolean;
  /** Read, store nothing. */
  readonly: boolean;
  /** Compile what would have been a hit, and compare. */
  verify: boolean;
  /** Run build scripts that would have been replayed, and compare. */
  verifyScripts: boolean;
}

/** A frame's environment can only narrow what the node does. */
export function wishesIn(env: Environment): Wishes {
  return {
    recache: env.get('VRIFT_RECACHE') === '1',
    readonly: env.get('VRIFT_READONLY') === '1',
    verify: env.get('VRIFT_VERIFY') === '1',
    verifyScripts: ['1', 'scripts'].includes(env.get('VRIFT_VERIFY') ?? ''),
  };
}

/**
 * @param pairs `NAME=value` each
 * @returns the name that stands there with two values, where that is so: `getenv` takes the first,
 *   and rustup, which starts compilers, hands on the last
 */
export function environmentOf(pairs: readonly string[]): Map<string, string> | string {
  const env = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=', 1);
    const name = pair.slice(0, equals);
    const value = pair.slice(equals + 1);
    if (equals <= 0) continue;
    if ((env.get(name) ?? value) !== value) return name;
    env.set(name, value);
  }
  return env;
}

/** For the log, of a command line that gave no plan. */
export function crateNameIn(argv: readonly string[]): string {
  const at = argv.indexOf('--crate-name');
  return at < 0 ? 'unknown' : (argv[at + 1] ?? 'unknown');
}

/** Under which compile times are remembered: rough, as they only set deadlines. */
export function timingKey(plan: RustcPlan): string {
  const kind = plan.test ? 'test' : plan.crateTypes.join('+');
  const made = Object.keys(plan.emit).sort().join('+');
  return `${plan.crateName} ${kind} ${made} ${plan.optimised ? 'optimised' : 'debug'}`;
}

/**
 * Milliseconds for which somebody else's making of the same is waited for: longer than it should take,
 * but it may have been stopped (Ctrl-Z), and then nothing tells when it goes on.
 *
 * @param expectedMs what it took last time
 */
export function patienceMs(expectedMs = 20_000): number {
  return Math.min(10 * 60_000, 10_000 + 3 * expectedMs);
}
