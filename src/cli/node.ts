import { type AskOptions, ask } from '../wire/ask.js';
import type { StartInfo } from '../wire/control.js';
import { homeOf } from '../wire/home.js';
import { spawnNode } from './serve.js';

/** The node of this user's home, as the commands see it. */
export interface NodeHandle {
  readonly home: string;
  /** @throws VRIFT_NODE_ABSENT when none runs */
  ask(method: string, params?: Record<string, unknown>, options?: AskOptions): Promise<unknown>;
  /** Starts it unless it runs. */
  start(): Promise<StartInfo>;
}

/** A node that says nothing for this long hangs; what may take longer says so. */
const ANSWER_MS = 15_000;

export function nodeOf(env: NodeJS.ProcessEnv): NodeHandle {
  const home = homeOf(env);
  return {
    home,
    ask: (method, params = {}, options = {}) =>
      ask(home, method, params, { timeoutMs: ANSWER_MS, ...options }),
    start: () => spawnNode({ home, env }),
  };
}
