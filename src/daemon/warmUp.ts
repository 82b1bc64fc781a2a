import { setTimeout as sleep } from 'node:timers/promises';
import type { ToolsPort } from '../pipeline/ports.js';

/** Calls that come with the start of a node go first. */
const AFTER_MS = 300;

/**
 * Digests the default toolchain, some hundred megabytes, before the first build asks for it. Where
 * a toolchain is chosen otherwise, running `rustc` here could make rustup install one.
 *
 * @returns resolves when it has ended or was given up
 */
export async function warmUp(
  tools: ToolsPort,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  if (env.RUSTUP_TOOLCHAIN !== undefined) return;
  try {
    await sleep(AFTER_MS, undefined, { signal, ref: false });
    const given = Object.entries(env).filter((pair): pair is [string, string] => !!pair[1]);
    await tools.toolchain('rustc', undefined, '/', new Map(given));
  } catch {
    // The first build will see what is wrong, or the node stops.
  }
}
