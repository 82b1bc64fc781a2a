import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { toVriftError, VriftError } from '../../base/errors.js';
import { settlesWithin } from '../../base/patience.js';
import type { HomePaths } from '../../wire/home.js';
import { VERSION } from '../../wire/version.js';
import { AllowedProjects } from '../config/allowed.js';
import { settingsMethods } from '../config/methods.js';
import type { NodeConfig } from '../config/node.js';
import { permissionMethods } from '../config/permissions.js';
import { ProjectConfigs } from '../config/project.js';
import { later } from './later.js';
import type { NodeLock } from './lock.js';
import type { Log } from './log.js';
import { removeOldReports } from './report.js';
import { answer, flagParam, type RpcTable } from './rpc.js';
import type { OpenedNode, ServeOptions } from './serve.js';
import { SocketServer } from './socket.js';
import { Stats } from './stats.js';
import { StopSignals } from './stop.js';

/** How often a node looks whether its home is still there. */
const CHECK_HOME_MS = 4_000;
/** How long calls wait for the node to open, from the first one on; then they go on without it. */
const OPEN_MS = 2_000;
/** How long open calls may take to end when the node stops; longer compiles go on without it. */
const DRAIN_MS = 3000;
/** How long the figures wait for what a build that just ended left to store and count. */
const SETTLE_MS = 2000;
/** What they say or remove must not lack what a build just made; on a busy machine that takes its time. */
const AFTER_BUILDS: ReadonlyMap<string, number> = new Map([
  ['why', SETTLE_MS],
  ['verify', SETTLE_MS],
  ['gc', 15_000],
]);

interface Locked {
  options: ServeOptions;
  paths: HomePaths;
  config: NodeConfig;
  log: Log;
  lock: NodeLock;
}

/** The life of a node that holds its home's lock: listen, open, serve, stop. */
export async function live({ options, paths, config, log, lock }: Locked): Promise<void> {
  const { home, env, foreground } = options;
  const stats = new Stats(paths.fallbacks);
  const allowed = new AllowedProjects(paths.allowed);
  const projects = new ProjectConfigs(config, allowed);
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
  let waited: Promise<boolean> | undefined;
  /** Waits once for all calls: in a chain of crates, as long a wait for each would add up. */
  const isOpen = async () => {
    waited ??= settlesWithin(OPEN_MS, opening.promise);
    return (await waited) || settlesWithin(0, opening.promise);
  };
  /** Builds that are over count as a whole. */
  const settled = async (ms: number) => {
    void opening.promise.then(({ hurry }) => hurry(), ignore);
    await server.settle(ms);
  };
  const rpc: RpcTable = {
    ping: async () => {
      const { info } = await opening.promise;
      return { ...(await info()), pid: process.pid, home: paths.home, socket: paths.socket };
    },
    stop: async () => {
      stop.request('vrift stop');
      await released.promise;
      return { stopped: true };
    },
    stats: async (params) => {
      await settled(SETTLE_MS);
      const snapshot = stats.snapshot();
      if (flagParam(params, 'reset')) stats.reset();
      return snapshot;
    },
    ...settingsMethods(projects),
    ...permissionMethods(projects, allowed),
  };
  const server = await SocketServer.listen(paths.socket, {
    onProblem: report,
    async onCall(frame, channel) {
      if (await isOpen()) return (await opening.promise).onCall(frame, channel);
      report(new VriftError('VRIFT_NODE_TIMEOUT', 'a call went on: the node is opening'));
      channel.send({ act: 'pass' });
    },
    async onRpc(method, params, call) {
      try {
        const wait = AFTER_BUILDS.get(method);
        if (wait !== undefined) await settled(wait);
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
    opened.hurry();
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

function ignore(): void {}
