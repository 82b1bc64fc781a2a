/** The one door from the command line into the node: starting it, here or on its own. */
export { spawnNode } from '../daemon/lifecycle/spawn.js';

/** Runs the node in this process; settings, store and mesh are loaded only now. */
export async function serveHere(options: { home: string; env: NodeJS.ProcessEnv }): Promise<void> {
  const { runNode } = await import('../daemon/main.js');
  await runNode({ ...options, foreground: true });
}
