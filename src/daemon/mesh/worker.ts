import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { toVriftError, VriftError } from '../../base/errors.js';
import { resultDigestOf } from '../../base/resultDigest.js';
import { codeText } from '../../identity/knockCode.js';
import { isRole, type Role } from '../../identity/roles.js';
import { NOTHING_RECALLED, recallsText } from '../../identity/trustFacts.js';
import { resultKeyOf } from '../../keying/manifest.js';
import type { MeshEvent } from '../../mesh/events.js';
import { MeshNode } from '../../mesh/node.js';
import { compareStandings, standingOf } from '../../pipeline/choose.js';
import { OUTCOMES, type PastOutcome, publicOutcomes } from '../../pipeline/outcomes.js';
import { excludedIn, isExcluded } from '../../pipeline/privacy.js';
import type { PeerReader } from '../../server/ports.js';
import { buildServer } from '../../server/server.js';
import { openHasher } from '../../store/hashing.js';
import { StoreReader } from '../../store/reader.js';
import type { StoredEntry } from '../../store/records.js';
import { codeNotice } from './codeNotice.js';
import { heldOf } from './held.js';
import type { MeshRequest, NumberedRequest, WorkerMessage, WorkerStart } from './messages.js';

/**
 * The mesh's own thread: discovery, TLS, serving and fetching never hold up the answers to
 * launchers. It reads the store; only the main thread writes it.
 */
const port = parentPort;
if (port === null) throw new Error('the mesh runs in a worker thread only');
const start = workerData as WorkerStart;
const say = (message: WorkerMessage) => port.postMessage(message);

const hasher = await openHasher();
const store = StoreReader.open(start.storePath);
/** Peers may call before `open` has returned. */
let mesh: MeshNode | undefined;
/** What is recalled, its revision that was told last, and the one that the store was swept of. */
let recalled = NOTHING_RECALLED;
let revision = 0;
let swept = 0;
/** The user's own settings hold from the start, before what was stored is looked through. */
const mayLeave = (crateName: string) =>
  !isExcluded(crateName.replace(/^build script of /, ''), start.mesh.exclude);
const mayName = (entry: StoredEntry) =>
  !mesh?.isRecalled(entry) && mayLeave(entry.result.crateName);
const mayTell = (entry: StoredEntry) => !entry.localOnly && mayName(entry);
const reader: PeerReader = {
  candidates: (unitKey) =>
    store.candidates(unitKey).flatMap(({ manifest, result, attestations, origin }) => {
      if (!mayLeave(result.crateName)) return [];
      if (mesh?.isRecalled({ result, attestations, origin })) return [];
      const resultDigest = resultDigestOf(result, hasher);
      const testimony = { resultKey: result.resultKey, resultDigest };
      const vouched = mesh?.vouch(attestations, origin === 'own' ? testimony : undefined);
      return vouched === undefined || vouched.length === 0
        ? []
        : [{ manifest, result, attestations: vouched }];
    }),
  outcomes: (unit) => {
    const [, crate = ''] = unit.split('|');
    if (!mayLeave(crate) || excludedIn([unit], start.mesh.exclude) !== undefined) return [];
    return publicOutcomes(store.row<PastOutcome[]>(OUTCOMES, unit) ?? []);
  },
  isBetterThan: (standing) => {
    const entries = store.bucket(standing[0])?.entries ?? [];
    return entries.some(
      (entry) => mayTell(entry) && compareStandings(standingOf(entry.result, hasher), standing) < 0,
    );
  },
  usedAround: (unitKey, limit) => store.usedAround(unitKey, limit, mayTell),
  // A blob does not know whose results name it: none goes out before those recalled are dropped.
  openBlob: async (digest) => (swept < revision ? undefined : store.openBlob(digest)),
  resultCount: () => store.resultCount(),
};

/** Whoever waits for the answer to one request. */
interface Asker {
  signal: AbortSignal;
  progress(message: string): void;
}

/** Of a node that shares nothing. */
const CLOSED: PeerReader = {
  candidates: () => [],
  outcomes: () => [],
  isBetterThan: () => false,
  usedAround: () => [],
  openBlob: async () => undefined,
  resultCount: () => 0,
};

const early: MeshEvent[] = [];
const node = await MeshNode.open({
  dir: start.identityDir,
  config: {
    nodeName: start.mesh.name,
    port: start.portChosen ? start.mesh.port : undefined,
    peers: start.mesh.peers,
    mdns: start.mesh.discovery,
    interfaces: start.mesh.interfaces ?? undefined,
    compress: start.mesh.compress,
  },
  hasher,
  resultKeyOf: (unitKey, manifest) => resultKeyOf(unitKey, manifest, hasher),
  tmpPath: () => join(start.storePath, 'tmp', `mesh-${randomBytes(12).toString('hex')}`),
  buildServer: (context) =>
    buildServer({
      reader: start.mesh.share ? reader : CLOSED,
      compress: start.mesh.compress,
      context: {
        ...context,
        onSent: (peer, bytes) => {
          context.onSent(peer, bytes);
          say({ kind: 'sent', bytes });
        },
      },
    }),
  onEvent: (event) => {
    if (mesh !== undefined) say({ kind: 'event', event, state: mesh.state() });
    else early.push(event);
  },
  policy: start.mesh.policy,
  onTrust: (facts) => {
    const now = recallsText(facts);
    if (now !== recalled && now !== NOTHING_RECALLED) revision += 1;
    recalled = now;
    say({ kind: 'trust', facts, revision });
  },
});
mesh = node;

const answer = async (request: MeshRequest, asker: Asker): Promise<unknown> => {
  switch (request.method) {
    case 'find':
      return node.find(request.unitKey, request);
    case 'fetch':
      return node.fetch(request.candidate, request.need, { deadlineMs: request.deadlineMs });
    case 'why':
      return node.why(request.peer, request.question);
    case 'offers':
      if (!start.mesh.share) return [];
      return node.offers(request.node, heldOf(request.resultKeys, store, hasher, mayName));
    case 'unitsAfter':
      return node.unitsAfter(request.node, request.unitKey);
    case 'resultsOf':
      return node.resultsOf(request.node, request.unitKeys);
    case 'state':
      return node.state();
    case 'peers':
      return node.peers();
    case 'members':
      return node.members();
    case 'create':
      return node.create(request.name);
    case 'invite':
      return node.invite({ role: roleOf(request.role), ttlMs: request.ttlMs });
    case 'enter':
      return node.enter({
        mesh: request.mesh,
        signal: asker.signal,
        onCode: (code, seen) => asker.progress(codeNotice(codeText(code), seen)),
      });
    case 'approve':
      return [await node.approve(request.code, roleOf(request.role))];
    case 'deny':
      return node.deny(request.node);
    case 'knocks':
      return node.knocks();
    case 'revoke':
      return node.revoke(request.node, request);
    case 'added':
      return node.added(request.node);
    case 'rotate':
      return node.rotate();
    case 'join':
      return { ...(await node.join(request.token)), via: 'token' };
    case 'leave': {
      const before = node.state().mesh;
      await node.leave({ force: request.force });
      return { left: before?.mesh ?? null, name: before?.name ?? null };
    }
    case 'recall':
      return node.recall(request.target);
    case 'swept':
      swept = Math.max(swept, request.revision);
      return null;
    case 'close':
      await node.close();
      await store.close();
      return null;
    default:
      return request satisfies never;
  }
};

const running = new Map<number, AbortController>();
port.on('message', ({ id, request }: NumberedRequest) => {
  if (request === 'cancel') {
    running.get(id)?.abort(new VriftError('VRIFT_KNOCK_UNANSWERED', 'nobody waits any more'));
    return;
  }
  const controller = new AbortController();
  running.set(id, controller);
  const progress = (message: string) => say({ kind: 'progress', id, message });
  answer(request, { signal: controller.signal, progress })
    .then(
      (value) => {
        say({ kind: 'answer', id, value });
        if (request.method === 'close') port.close();
      },
      (error: unknown) => {
        const { code, message } = toVriftError(error);
        say({ kind: 'failure', id, code, message });
      },
    )
    .finally(() => running.delete(id));
});
say({ kind: 'ready', state: node.state() });
for (const event of early) say({ kind: 'event', event, state: node.state() });

function roleOf(text: string): Role {
  if (isRole(text)) return text;
  throw new VriftError('VRIFT_USAGE', `no such role: ${text}`);
}
