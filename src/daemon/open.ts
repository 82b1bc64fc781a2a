import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../base/clock.js';
import type { Digest } from '../base/digest.js';
import type { Trust } from '../identity/trust.js';
import { Ahead } from '../pipeline/ahead.js';
import type { ArtifactRecord } from '../pipeline/artifacts.js';
import { OUTCOMES, type PastOutcome } from '../pipeline/outcomes.js';
import { Pipeline } from '../pipeline/pipeline.js';
import type { KeptDir, PipelinePorts, StorePort, Taken } from '../pipeline/ports.js';
import type { Answered } from '../pipeline/probes.js';
import { Scripts } from '../pipeline/script/scripts.js';
import { openHasher } from '../store/hashing.js';
import { Store } from '../store/store.js';
import type { StatusInfo } from '../wire/control.js';
import { VERSION } from '../wire/version.js';
import { effectiveSettings } from './config/project.js';
import { openRules } from './config/rules.js';
import { Convergence } from './converge/convergence.js';
import { openDeclared } from './declared.js';
import { openDifferences } from './differences.js';
import { openDisk } from './disk.js';
import { flagParam, optionalNumber, optionalText, type RpcTable } from './lifecycle/rpc.js';
import type { NodeContext, OpenedNode } from './lifecycle/serve.js';
import { MeshLink } from './mesh/link.js';
import { openRecorder } from './recorder.js';
import { Seclusion } from './seclusion.js';
import { openTools } from './tools/tools.js';
import { openTraces } from './trace.js';
import { openTree } from './tree.js';
import { Conflicts, MAX_CONFLICTS } from './trust/conflicts.js';
import { TrustKeeper } from './trust/keeper.js';
import { signedBy, trustMethods } from './trust/methods.js';
import { Sweeper } from './trust/sweep.js';
import { warmUp } from './warmUp.js';
import { why } from './why.js';

/** Entries of the tables; each is a few hundred bytes. */
const MAX_ARTIFACTS = 200_000;
const MAX_TIMINGS = 20_000;
/** Each holds all parts of a key, some kilobytes. */
const MAX_HISTORY = 5_000;
/** Who recalls something waits no longer for what this machine drops. */
const SWEEP_MS = 60_000;

/** Store, pipeline and mesh of one node, wired together. */
export async function openNode(context: NodeContext): Promise<OpenedNode> {
  const { config, log, stats, paths } = context;
  const clock = systemClock;
  const hasher = await openHasher();
  const store = await Store.open({
    path: config.localPath,
    maxBytes: config.maxLocalBytes,
    hasher,
    clock,
    onEvent: (event) => {
      stats.error(event.code);
      log.warn('store', event.code, event.message);
    },
  });
  const trust = await TrustKeeper.open(paths.identity, config.mesh.policy);
  const sweeper = new Sweeper(store, clock.monotonic, (error) => {
    stats.error(error.code);
    log.error('recall', error.code, error.message);
  });
  const sweep = async (current: Trust | undefined): Promise<number> => {
    const dropped = current === undefined ? 0 : await sweeper.sweep(current);
    if (dropped > 0) log.info('recall', `dropped=${dropped}`);
    return dropped;
  };
  let sweeping: Promise<number> = Promise.resolve(0);
  const mesh = MeshLink.open({
    identityDir: paths.identity,
    storePath: config.localPath,
    mesh: config.mesh,
    portChosen: config.settings.some(
      ({ key, source }) => key === 'mesh.port' && source !== 'default',
    ),
    onLine: ({ level, code, columns: [event, ...columns] }) => {
      if (code !== undefined) stats.error(code);
      log[level](String(event), ...columns);
    },
    onSent: (bytes) => stats.addBytes('peerOut', bytes),
    onLate: () => stats.late(),
    onTrust: (facts, revision) => {
      trust.update(facts);
      const { current } = trust;
      // Also in no mesh: an earlier one must have ended before peers are told of this one.
      sweeping = sweeping.catch(() => 0).then(() => sweep(current));
      sweeping
        .then(() => mesh.swept(revision))
        .catch((error) => context.stopping.aborted || log.error('recall', error));
    },
    onPeer: (node, state) => (state === 'up' ? convergence.met(node) : convergence.lost(node)),
  });
  const lastSweep = async () => {
    const last = sweeping;
    // A full disk lets nothing be dropped: that goes on, and nobody has to wait for it.
    const dropped = await Promise.race([last, sleep(SWEEP_MS, 0, { ref: false })]);
    if (sweeping === last && dropped > 0) sweeping = Promise.resolve(0);
    return dropped;
  };
  const conflicts = new Conflicts({
    table: store.table('conflicts', { maxEntries: MAX_CONFLICTS }),
    hasher,
    now: clock.now,
    trust: () => trust.current,
    onNew: (unit, key) => log.warn('conflict', key.slice(0, 8), unit),
  });
  const taken = store.table<Taken>('taken', { maxEntries: MAX_ARTIFACTS });
  const outcomes = store.table<PastOutcome[]>(OUTCOMES, {
    maxEntries: MAX_HISTORY,
    maxCached: 512,
  });
  const seclusion = new Seclusion(store, outcomes);
  seclusion.add(undefined, config.exclude);
  const digestAsync = (path: string) => store.fileDigestAsync(path);
  const ports: PipelinePorts = {
    hasher,
    clock,
    disk: openDisk(store, clock.monotonic),
    store: storePort(store),
    mesh,
    tools: openTools({
      hasher,
      digest: (path: string): Digest | undefined => store.fileDigest(path),
      digestAsync,
      monotonic: clock.monotonic,
    }),
    rules: openRules(context),
    secluded: (crate, exclude) => seclusion.add(crate, exclude),
    published: (crate) => seclusion.published(crate),
    keptDirs: store.table<KeptDir>('kept-dirs', { maxEntries: MAX_TIMINGS }),
    privatePrograms: store.table<boolean>('private-programs', { maxEntries: MAX_TIMINGS }),
    declared: openDeclared(
      context.projects,
      openTree({
        known: (path, stat) => store.knownDigest(path, stat),
        digest: digestAsync,
        now: clock.now,
      }),
      hasher,
    ),
    observer: config.observe ? observerLibrary() : undefined,
    buildScripts: config.buildScripts,
    trust,
    conflicts,
    taken,
    artifacts: store.table<ArtifactRecord>('artifacts', { maxEntries: MAX_ARTIFACTS }),
    timings: store.table<number>('timings', { maxEntries: MAX_TIMINGS }),
    probes: store.table<Answered>('probes', { maxEntries: 1_000 }),
    origins: store.table<Digest>('origins', { maxEntries: MAX_TIMINGS }),
    history: outcomes,
    recorder: openRecorder(stats, log),
    differences: openDifferences(paths.differences, () => clock.now()),
    checkRate: config.verify,
    random: Math.random,
    traces: openTraces((path) => log.warn('trace', path, 'is no new file *.json, and no trace')),
  };
  const ahead = new Ahead(ports);
  const pipeline = new Pipeline(ports, ahead);
  const scripts = new Scripts(ports, ahead, (path) => pipeline.programSettled(path));
  const convergence = new Convergence({ clock, store, mesh, ports });
  const warm = warmUp(ports.tools, context.env, context.stopping);
  const status = async (params: Record<string, unknown>): Promise<StatusInfo> => {
    const state = await mesh.state();
    const cwd = typeof params.cwd === 'string' ? params.cwd : undefined;
    const project = context.projects.for(cwd);
    return {
      running: true,
      node: state.node,
      name: config.mesh.name || hostname(),
      pid: process.pid,
      version: VERSION,
      uptimeMs: Math.round(clock.now() - context.startedAt),
      rssBytes: process.memoryUsage.rss(),
      mesh: state.mesh,
      problems: state.problems,
      store: store.stats(),
      config: effectiveSettings(config.settings, project),
    };
  };
  const rpc: RpcTable = {
    status,
    peers: () => mesh.peers(),
    why: (params) => {
      const named = optionalText(params, 'unit');
      if (flagParam(params, 'buildScript')) return scripts.latest(named);
      const signer = optionalText(params, 'signedBy');
      if (signer !== undefined) {
        const parts = { mesh, taken: taken.entries(), digest: digestAsync, exists: existsSync };
        return signedBy(signer, named, parts);
      }
      const options = { unit: optionalText(params, 'unit'), peer: optionalText(params, 'peer') };
      return why(options, pipeline.history, storePort(store), mesh);
    },
    gc: (params) => {
      const maxBytes = optionalNumber(params, 'maxBytes');
      const olderThanMs = optionalNumber(params, 'olderThanMs');
      return store.gc({
        ...(maxBytes === undefined ? {} : { maxBytes }),
        ...(olderThanMs === undefined ? {} : { olderThanMs }),
        all: flagParam(params, 'all'),
      });
    },
    verify: (params) => store.verify({ repair: flagParam(params, 'repair') }),
    ...mesh.methods(),
    ...trustMethods({ mesh, conflicts, swept: lastSweep }),
  };
  return {
    onCall: async (frame, channel) => {
      using _call = convergence.call();
      if (frame.kind === 'script') await scripts.call(frame, channel);
      else await pipeline.call(frame, channel);
    },
    rpc,
    hurry: () => pipeline.hurry(),
    info: async () => {
      await mesh.opened();
      return { node: mesh.node, port: mesh.port };
    },
    close: async () => {
      convergence.stop();
      await seclusion.stop();
      ahead.stop();
      await mesh.close();
      await convergence.ended();
      await ahead.ended();
      await sweeper.stop();
      await warm;
      await store.close();
    },
  };
}

/**
 * Where the build left it; there is none where no C compiler was, or on another system. The dynamic
 * loader splits its list at colons and spaces: a library below such a path cannot be named.
 */
function observerLibrary(): string | undefined {
  const path = fileURLToPath(new URL('../../bin/vrift-observer.so', import.meta.url));
  return existsSync(path) && !/[: ]/.test(path) ? path : undefined;
}

/** The store takes more than the pipeline asks of it. */
function storePort(store: Store): StorePort {
  return store;
}
