import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { toVriftError, type VriftError } from '../../base/errors.js';
import { ask } from '../../wire/ask.js';
import type { StartInfo } from '../../wire/control.js';
import type { HomePaths } from '../../wire/home.js';
import type { CallFrame } from '../../wire/launcher.js';
import { VERSION } from '../../wire/version.js';
import { settingsMethods } from '../config/methods.js';
import { loadNodeConfig, type NodeConfig } from '../config/node.js';
import { ProjectConfigs } from '../config/project.js';
import type { CallChannel } from './call.js';
import { prepareHome } from './home.js';
import { NodeLock } from './lock.js';
import { type Log, openLog } from './log.js';
import { removeOldReports } from './report.js';
import { answer, flagParam, type RpcTable } from './rpc.js';
import { SocketServer } from './socket.js';
import { Stats } from './stats.js';
import { StopSignals } from './stop.js';

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
  onCall(frame: CallFrame, channel: CallChannel): Promise<void>;
  /** On top of `ping`, `stop`, `stats`, `project.check` and `cargo.init`. */
  rpc: RpcTable;
  /** For `ping`. */
  info(): { node: string; port: number | null };
  /** Calls have ended or were dismissed; must end within a few seconds. */
  close(): Promise<void>;
}

export interface ServeOptions {
  home: string;
  env: NodeJS.ProcessEnv;
  /** Whether the log goes to stderr as well. */
  foreground: boolean;
  /** Called once the socket listens; calls and requests wait until it is done. */
  open(context: NodeContext): Promise<OpenedNode>;
}

/** How often a node looks whether its home is still there. */
const CHECK_HOME_MS = 10_000;
/** How long open calls may take to end when the node stops; longer compiles go on without it. */
const DRAIN_MS = 3000;

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
    await runLocked({ options, paths, config, log, lock });
  } catch (error) {
    log.error('start', error);
    throw error;
  } finally {
    log.close();
    lock.release();
  }
}

interface Locked {
  options: ServeOptions;
  paths: HomePaths;
  config: NodeConfig;
  log: Log;
  lock: NodeLock;
}

async function runLocked({ options, paths, config, log, lock }: Locked): Promise<void> {
  const { home, env, foreground } = options;
  const stats = new Stats(paths.fallbacks);
  const projects = new ProjectConfigs(config);
  const report = (error: VriftError) => {
    stats.error(error.code);
    const internal = error.code === 'VRIFT_INTERNAL';
    log.warn('error', error.code, internal ? (error.cause ?? error) : error.message);
  };
  using stop = new StopSignals({ foreground, onFault: (fault) => report(toVriftError(fault)) });
  const startedAt = Date.now();
  const own = { home, paths, env, config, projects, log, stats, startedAt };
  const opening = later<OpenedNode>();
  const released = later<void>();
  const rpc: RpcTable = {
    ping: async () => startInfo(paths, await opening.promise),
    stop: async () => {
      stop.request('vrift stop');
      await released.promise;
      return { stopped: true };
    },
    stats: (params) => {
      const snapshot = stats.snapshot();
      if (flagParam(params, 'reset')) stats.reset();
      return snapshot;
    },
    ...settingsMethods(projects),
  };
  const server = await SocketServer.listen(paths.socket, {
    onProblem: report,
    onCall: async (frame, channel) => (await opening.promise).onCall(frame, channel),
    async onRpc(method, params, call) {
      try {
        const table = Object.hasOwn(rpc, method) ? rpc : (await opening.promise).rpc;
        return await answer(table, method, params, call);
      } catch (error) {
        const known = toVriftError(error);
        if (known.code === 'VRIFT_INTERNAL') report(known);
        throw known;
      }
    },
  });
  // Whatever node was silent here, it is not this one.
  rmSync(paths.hung, { force: true });
  removeOldReports(paths.run);
  log.info('start', VERSION, `pid=${process.pid}`, home);
  try {
    const opened = await Promise.race([
      options.open({ ...own, stopping: stop.signal }),
      stop.fault,
    ]);
    opening.resolve(opened);
    stop.opened();
    log.info('ready', `${Date.now() - startedAt}ms`);
    await Promise.race([stop.requested, lost(lock, stop.signal)]);
    stop.request('the home is gone');
    log.info('stop', stop.reason, `open=${server.openCalls}`);
    if (!lock.isHeld()) await abandon(server, opened);
    await server.drain(DRAIN_MS);
    server.dismissCalls();
    await opened.close();
    log.info('ended', `${Math.round((Date.now() - startedAt) / 1000)}s`);
  } catch (error) {
    opening.reject(error);
    throw error;
  } finally {
    log.close();
    lock.release();
    released.resolve();
    await server.close();
  }
}

/** Settles when the lock is not ours any more. */
async function lost(lock: NodeLock, signal: AbortSignal): Promise<void> {
  while (lock.isHeld()) {
    await sleep(CHECK_HOME_MS, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
  }
}

/**
 * Ends a node whose home is another's by now. Closing the socket would remove the file at its
 * path, which belongs to the other node: only a kill does not.
 */
async function abandon(server: SocketServer, opened: OpenedNode): Promise<never> {
  server.dismissCalls();
  await opened.close().catch(() => {});
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

function startInfo(paths: HomePaths, opened: OpenedNode): StartInfo {
  return { ...opened.info(), pid: process.pid, home: paths.home, socket: paths.socket };
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

interface Later<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function later<T>(): Later<T> {
  const parts: Partial<Later<T>> = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  // Whoever waits is told; that nobody waits is no fault.
  promise.catch(() => {});
  return { ...(parts as Omit<Later<T>, 'promise'>), promise };
}
