import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Digest } from '../base/digest.js';
import { errnoOf, toVriftError, type VriftError } from '../base/errors.js';
import { checkAttestation } from '../identity/attestation.js';
import type { Invites } from '../identity/invites.js';
import type { Membership } from '../identity/membership.js';
import type { NodeKey } from '../identity/nodeKey.js';
import { DEFAULT_POLICY } from '../identity/policy.js';
import { type Trust, trustIn } from '../identity/trust.js';
import { MESH_PROTOCOL, VERSION } from '../wire/version.js';
import { askWhy, type WhyQuestion } from './askWhy.js';
import type { FoundChecks } from './checkFound.js';
import { choosePeer } from './choosePeer.js';
import type { MeshConfig } from './config.js';
import { openDiscoveries } from './discovery/all.js';
import type { Discovery, Sighting } from './discovery/discovery.js';
import { isOurs } from './discovery/tag.js';
import type { EventSink } from './events.js';
import type { DiskFault } from './fault.js';
import { Fetcher, type FetcherOptions } from './fetch.js';
import { Finder } from './find.js';
import { resultsOf, unitsAfter } from './following.js';
import { openListener } from './listener.js';
import { type Held, offersOf } from './offers.js';
import { PeerTable } from './peers.js';
import type { Candidate } from './question.js';
import { secureTransport } from './secureTransport.js';
import type { BuildServer, PeerServer } from './serving.js';
import { type Knock, Knocks, serveJoin } from './transport/join.js';
import type { SecureListener } from './transport/secure.js';

export interface SessionOptions {
  key: NodeKey;
  nodeName: string;
  membership: Membership;
  invites: Invites;
  buildServer: BuildServer;
  config: MeshConfig;
  hasher: FetcherOptions['hasher'];
  resultKeyOf: FoundChecks['resultKeyOf'];
  tmpPath(): string;
  onEvent: EventSink;
  /** Whose results are taken (identity/policy.ts). */
  policy?: string | undefined;
  heartbeatMs?: number | undefined;
}

/** Who was asked, and its answers in the question's order. */
export interface WhyAnswer {
  node: string;
  name: string;
  answers: Awaited<ReturnType<typeof askWhy>>;
}

/** A node's life in one mesh: it ends when the node leaves, and never changes its mesh. */
export class MeshSession {
  readonly membership: Membership;
  readonly peers: PeerTable;
  readonly finder: Finder;
  readonly fetcher: Fetcher;
  /** Newcomers that wait for an admin of this node. */
  readonly knocks: Knocks;
  readonly #options: SessionOptions;
  readonly #checks: FoundChecks;
  readonly #closed = new AbortController();
  #discoveries: Discovery[] = [];
  readonly #epoch = randomBytes(12).toString('base64url');
  /** The roster digest that each member pulled last. */
  readonly #pulled = new Map<string, string>();
  #server: PeerServer | undefined;
  #listener: SecureListener | undefined;
  #problem: VriftError | undefined;
  #endWatch: () => void = () => undefined;
  #trust: Trust;

  private constructor(options: SessionOptions) {
    const { key, membership, hasher, onEvent } = options;
    this.#options = options;
    this.membership = membership;
    this.knocks = new Knocks({ membership, key });
    this.#trust = this.#judge();
    this.peers = new PeerTable({
      self: key.nodeId,
      roster: membership,
      transport: secureTransport(key, membership),
      listenPort: () => this.port,
      compress: options.config.compress,
      onEvent,
      ...(options.heartbeatMs !== undefined && { heartbeatMs: options.heartbeatMs }),
    });
    this.#checks = {
      hasher,
      resultKeyOf: options.resultKeyOf,
      checkAttestation: (attestation) => checkAttestation(attestation, this),
    };
    this.finder = new Finder({
      peers: () => this.peers.usable(),
      checks: this.#checks,
      isEnough: ({ result, attestations }) =>
        this.#trust.taking(result, attestations) === undefined,
      onLate: (late) => onEvent({ kind: 'late', peers: late.map(({ node }) => node) }),
    });
    this.fetcher = new Fetcher({
      holders: (nodes) => this.#holders(nodes),
      hasher,
      tmpPath: () => options.tmpPath(),
      onDiskError: (fault) => this.#reportDisk(fault),
    });
  }

  static async open(options: SessionOptions): Promise<MeshSession> {
    const session = new MeshSession(options);
    session.#endWatch = options.membership.onChange(() => session.#review());
    await session.#listen();
    session.#discover();
    return session;
  }

  get meshId(): string {
    return this.membership.meshId;
  }

  /** Whether a node's word on a result counts at all. */
  isMember(node: string): boolean {
    return this.#trust.mayVouch(node);
  }

  /** Who is believed about results now. */
  get trust(): Trust {
    return this.#trust;
  }

  #judge(): Trust {
    return trustIn(this.membership.trustFacts(), this.#options.policy ?? DEFAULT_POLICY);
  }

  /** Of the mesh listener; null while it is down. */
  get port(): number | null {
    return this.#listener?.port ?? null;
  }

  /** Why the listener is down. */
  get problem(): VriftError | undefined {
    return this.#problem;
  }

  /**
   * Asks one peer what it made of units.
   *
   * @param peer a name, or the beginning of a node id
   */
  async why(peer: string, question: WhyQuestion): Promise<WhyAnswer> {
    const chosen = choosePeer(this.peers.all(), peer);
    const answers = await askWhy(chosen, question, this.#checks);
    return { node: chosen.node, name: chosen.name, answers };
  }

  /** What that peer has that may be preferred to results of ours; [] when it cannot be asked. */
  async offers(node: string, held: readonly Held[]): Promise<Candidate[]> {
    const peer = this.peers.get(node);
    if (!peer?.usable) return [];
    return offersOf(peer, held, { checks: this.#checks, closed: this.#closed.signal });
  }

  /** What that peer used after a unit; [] when it cannot be asked. */
  async unitsAfter(node: string, unitKey: Digest): Promise<Digest[]> {
    const peer = this.peers.get(node);
    if (!peer?.usable) return [];
    return unitsAfter(peer, unitKey, { checks: this.#checks, closed: this.#closed.signal });
  }

  /** What that peer has for these unit keys; [] when it cannot be asked. */
  async resultsOf(node: string, unitKeys: readonly Digest[]): Promise<Candidate[]> {
    const peer = this.peers.get(node);
    if (!peer?.usable) return [];
    return resultsOf(peer, unitKeys, { checks: this.#checks, closed: this.#closed.signal });
  }

  /**
   * Waits until the peers that are connected now hold the present roster, or the time is over.
   *
   * @returns how many hold it
   */
  async spread(deadlineMs: number): Promise<number> {
    const until = performance.now() + deadlineMs;
    const digest = this.membership.rosterDigest();
    const waiting = () => this.peers.usable().some(({ node }) => this.#pulled.get(node) !== digest);
    while (waiting() && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const usable = this.peers.usable();
    return usable.filter(({ node }) => this.#pulled.get(node) === digest).length;
  }

  async close(): Promise<void> {
    this.#endWatch();
    this.#closed.abort();
    this.knocks.close();
    this.finder.close();
    this.fetcher.close();
    await Promise.all(this.#discoveries.map((discovery) => discovery.close()));
    await Promise.all([this.peers.close(), this.#server?.close()]);
    await this.#listener?.close();
  }

  async #listen(): Promise<void> {
    const { key, membership, buildServer, config, onEvent } = this.#options;
    const server = await buildServer({
      hello: (caller) => ({
        node: key.nodeId,
        name: this.#options.nodeName,
        version: VERSION,
        protocol: MESH_PROTOCOL,
        mesh: membership.meshId,
        epoch: this.#epoch,
        roster: membership.rosterDigest(),
        addresses: this.peers.addressesFor(caller),
      }),
      statements: (node) => {
        this.#pulled.set(node, membership.rosterDigest());
        return membership.statements();
      },
      onCaller: (node, host, port) => this.peers.introduce(node, host, port),
      onSent: (node, bytes) => this.peers.noteSent(node, bytes),
    });
    this.#server = server;
    try {
      this.#listener = await openListener(config, {
        key,
        isMember: (node) => membership.isMember(node),
        onPeer: (socket, node) => server.accept(socket, node),
        onJoin: (socket, spki, keep) => void this.#serveJoin(socket, spki, keep),
      });
      onEvent({ kind: 'listening', port: this.#listener.port });
    } catch (error) {
      // Builds, and asking others, work without it.
      this.#problem = toVriftError(error);
      onEvent({ kind: 'problem', code: this.#problem.code, message: this.#problem.message });
    }
  }

  async #serveJoin(socket: TLSSocket, spki: Buffer, keep: () => void): Promise<void> {
    const { key, membership, invites, onEvent } = this.#options;
    const onKnock = (knock: Knock) => {
      keep();
      onEvent({ kind: 'knock', node: knock.node, name: knock.name, address: knock.address });
    };
    const options = { membership, key, invites, knocks: this.knocks, onKnock };
    const outcome = await serveJoin(socket, spki, options);
    if (outcome.kind === 'joined') onEvent({ ...outcome, kind: 'join-accepted' });
    if (outcome.kind === 'refused') onEvent({ ...outcome, kind: 'join-refused' });
  }

  #discover(): void {
    const { config, membership, onEvent } = this.#options;
    this.#discoveries = openDiscoveries(config, {
      port: this.port,
      secret: membership.secret,
      onProblem: (message) => onEvent({ kind: 'discovery', message }),
    });
    for (const discovery of this.#discoveries) discovery.start((sighting) => this.#see(sighting));
  }

  #see(sighting: Sighting): void {
    const { secret } = this.membership;
    const { via, source, txt } = sighting;
    if (via === 'mdns' && !(txt && isOurs(secret, source, txt))) return;
    this.peers.sight(sighting);
  }

  #review(): void {
    this.#trust = this.#judge();
    const isMember = (node: string) => this.membership.isMember(node);
    this.#server?.retain(isMember);
    this.#listener?.disconnectNonMembers();
    void this.peers.retainMembers();
    const current = this.membership.members().filter(({ revoked }) => !revoked);
    this.#options.onEvent({ kind: 'roster', members: current.length });
  }

  #holders(nodes: readonly string[]) {
    return nodes
      .map((node) => this.peers.get(node))
      .filter((peer) => peer !== undefined)
      .filter((peer) => peer.usable);
  }

  #reportDisk(fault: DiskFault): void {
    const full = errnoOf(fault.cause) === 'ENOSPC';
    const code = full ? 'VRIFT_STORE_FULL' : 'VRIFT_STORE_UNUSABLE';
    this.#options.onEvent({ kind: 'problem', code, message: fault.message });
  }
}
