import { expect } from 'vitest';
import { type RunOptions, until } from '../harness/programs.js';
import type { Counted, Project } from './support.js';

export interface Expected {
  compiled?: number;
  disk?: number;
  peer?: number;
}

/**
 * Builds, and expects exactly these units. A node counts a compile when its result is stored, so
 * whoever builds next, here or elsewhere, finds it.
 */
export async function builds(
  project: Project,
  args: readonly string[],
  { compiled = 0, disk = 0, peer = 0 }: Expected,
  options: RunOptions = {},
): Promise<{ counted: Counted; stderr: string; stdout: string }> {
  await project.developer.resetStats();
  const { stderr, stdout } = await project.cargo(args, options);
  const total = compiled + disk + peer;
  const counted = await until(`${total} units are counted`, async () => {
    const stats = await project.developer.stats();
    return stats.units >= total ? stats : undefined;
  });
  const { units, hits, bypassed } = counted;
  expect({ units, compiled: counted.compiled, hits, bypassed }).toEqual({
    units: total,
    compiled,
    hits: { disk, peer, remote: 0 },
    bypassed: {},
  });
  return { counted, stderr, stdout };
}

/** Cargo finds nothing to do, and asks for no unit. */
export async function isFresh(
  project: Project,
  args: readonly string[],
  options: RunOptions = {},
): Promise<void> {
  const { stderr } = await builds(project, args, {}, options);
  expect(stderr).not.toMatch(/^\s*(Compiling|Checking|Dirty)/m);
}

/**
 * One developer compiles all units, the other gets them, and cargo finds nothing to do afterwards.
 *
 * @returns what cargo said to the second one
 */
export async function areShared(
  { alice, bob }: { alice: Project; bob: Project },
  args: readonly string[],
  units: number,
  options: RunOptions = {},
): Promise<{ stderr: string; stdout: string }> {
  await builds(alice, args, { compiled: units }, options);
  const got = await builds(bob, args, { peer: units }, options);
  await isFresh(bob, args, options);
  return got;
}
