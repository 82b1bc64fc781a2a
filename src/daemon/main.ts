import { serve } from './lifecycle/serve.js';

export interface NodeOptions {
  home: string;
  env: NodeJS.ProcessEnv;
  /** Whether the log goes to stderr as well. */
  foreground: boolean;
}

/**
 * Runs the node of a home until it is asked to stop. The socket listens before store, compilers
 * and mesh are even loaded; who calls meanwhile waits.
 */
export async function runNode(options: NodeOptions): Promise<void> {
  await serve({
    ...options,
    open: async (context) => {
      const { openNode } = await import('./open.js');
      return openNode(context);
    },
  });
}
