import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** What some tests need of the machine, and how to find out whether it is there. */
const CAPABILITIES = {
  cargo: () => runs('cargo', '--version'),
  clippy: () => runs('cargo', 'clippy', '--version'),
  cc: () => runs('cc', '--version'),
  ar: () => runs('ar', '--version'),
  /** A terminal for programs that ask for one (util-linux). */
  script: () => runs('script', '--version'),
  strip: () => runs('strip', '--version') && runs('objcopy', '--version'),
  gdb: () => runs('gdb', '--version'),
  avahi: () => runs('avahi-daemon', '--version'),
  /** The right to give files to any group. */
  groups: () => process.getuid?.() === 0,
  /** Network namespaces: iproute2, and the right to make them. */
  netns: () => runs('unshare', '--net', 'ip', 'link', 'show', 'lo'),
  /** To give a file to another user. */
  root: () => process.getuid?.() === 0,
  /** Mounts of our own, e.g. a small tmpfs as a full disk. */
  mounts: () => runs('unshare', '--mount', 'true'),
} as const satisfies Record<string, () => boolean>;

export type Capability = keyof typeof CAPABILITIES;

const known = new Map<Capability, boolean>();

export function has(capability: Capability): boolean {
  const before = known.get(capability);
  if (before !== undefined) return before;
  const now = CAPABILITIES[capability]();
  known.set(capability, now);
  return now;
}

/**
 * Skips the running test where the machine lacks something. Under CI=true a lack is a failure:
 * there the machine is ours to equip (.ci/run).
 */
export function needs(context: Pick<TestContext, 'skip'>, ...wanted: Capability[]): void {
  const missing = wanted.filter((capability) => !has(capability));
  if (missing.length === 0) return;
  const reason = `this machine lacks: ${missing.join(', ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  context.skip(reason);
}

function runs(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
