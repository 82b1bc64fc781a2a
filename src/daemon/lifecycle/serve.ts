import { toVriftError } from '../../base/errors.js';
import { ask } from '../../wire/ask.js';
import type { HomePaths } from '../../wire/home.js';
import type { CallFrame, ScriptFrame } from '../../wire/launcher.js';
import { loadNodeConfig, type NodeConfig } from '../config/node.js';
import type { ProjectConfigs } from '../config/project.js';
import type { CallChannel } from './call.js';
import { prepareHome } from './home.js';
import { live } from './live.js';
import { NodeLock } from './lock.js';
import { type Log, openLog } from './log.js';
import type { RpcTable } from './rpc.js';
import type { Stats } from './stats.js';

/** What a node has before anything heavy is loaded. */
export interface NodeContext {
  readonly home: string;
  readonly paths: HomePaths;
  /** The node's own environment at its start. */
  readonly env: NodeJS.ProcessEnv;
  readonly config: NodeConfig;
  readonly projects: ProjectConfigs;
  readonly log: Log;
  readonly stats: Stats;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Aborts when the node begins to stop. */
  readonly stopping: AbortSignal;
}

/** The heavy part of a node: store, pipeline, mesh. */
export interface OpenedNode {
  /** Answers one launcher; ends when nothing more of that call is expected. */
  onCall(frame: CallFrame | ScriptFrame, channel: CallChannel): Promise<void>;
  /** What was put off until no build runs is to be done now. */
  hurry(): void;
  /** On top of `ping`, `stop`, `stats`, `project.check`, `cargo.init` and `cargo.wrapper`. */
  rpc: RpcTable;
  /** For `ping`; once the mesh is open, for which no call waits. */
  info(): Promise<{ node: string; port: number | null }>;
  /** Calls have ended or were dismissed; must end within a few seconds. */
  close(): Promise<void>;
}

export interface ServeOptions {
  home: string;
  env: NodeJS.ProcessEnv;
  /** Whether the log goes to stderr as well. */
  foreground: boolean;
  /** Called once the socket listens; requests wait until it is done, calls two seconds. */
  open(context: NodeContext): Promise<OpenedNode>;
}

/**
 * Runs a node until it is asked to stop, by SIGTERM, SIGINT or `vrift stop`.
 *
 * @returns once everything is closed and the home is free for another node
 * @throws VRIFT_NODE_RUNNING, VRIFT_HOME_UNUSABLE, VRIFT_CONFIG_INVALID, … or what `open` threw
 */
export async function serve(options: ServeOptions): Promise<void> {
  process.umask(0o077);
  const { home, env } = options;
  const paths = prepareHome(home);
  const config = loadNodeConfig({ home, env });
  const lock = await NodeLock.acquire(paths.lock, { answers: () => answers(home) });
  const log = openLog(home, config.logLevel, options.foreground ? { echo } : {});
  try {
    process.chdir(home);
    await live({ options, paths, config, log, lock });
  } catch (error) {
    log.error('start', error);
    throw error;
  } finally {
    log.close();
    lock.release();
  }
}

/** Whether somebody listens on the socket: the last word where a pid says nothing. */
async function answers(home: string): Promise<boolean> {
  try {
    await ask(home, 'ping', {}, { timeoutMs: 2000 });
    return true;
  } catch (error) {
    return toVriftError(error).code !== 'VRIFT_NODE_ABSENT';
  }
}

function echo(line: string): void {
  process.stderr.write(`${line}\n`);
}
