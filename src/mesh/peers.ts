import { isIP } from 'node:net';
import type { buildConnector } from 'undici';
import { type Clock, systemClock } from '../base/clock.js';
import type { PeerInfo } from '../wire/control.js';
import { BOUNDS, type Hello, type PeerAddress } from '../wire/http.js';
import type { Compress } from '../wire/packed.js';
import { type Address, addressText, isLoopback, plainHost } from './address.js';
import { Dialer } from './dialer.js';
import type { Sighting } from './discovery/discovery.js';
import type { EventSink } from './events.js';
import { Gossip, type Roster } from './gossip.js';
import { Peer, type PeerSurroundings } from './peer.js';
import type { Place, Route } from './routes.js';
import { SeenList } from './seen.js';

const HEARTBEAT_MS = 2_000;
/** Above so many peers each is asked less often: hellos per second stay the same. */
const BUSY_PEERS = 20;
/** Own addresses that were sighted, to dial them only once. */
const MAX_SELVES = 64;

/** How other nodes are reached; mesh/transport has the real one. */
export interface Transport {
  /** @returns the id of the member that listens there; rejects for anyone else */
  identify(address: Address, signal: AbortSignal): Promise<string>;
  /** Connects to this node and to no other. */
  connector(node: string): buildConnector.connector;
}

export interface PeerTableOptions {
  self: string;
  roster: Roster;
  transport: Transport;
  /** Where we listen ourselves, so that peers can call back. */
  listenPort(): number | null;
  onEvent: EventSink;
  clock?: Clock;
  random?: () => number;
  heartbeatMs?: number;
  compress?: Compress | undefined;
}

/** All other members that were ever met since the start, and the ways in which they are met. */
export class PeerTable {
  readonly #self: string;
  readonly #roster: Roster;
  readonly #around: PeerSurroundings;
  readonly #dialer: Dialer;
  readonly #seen: SeenList;
  readonly #peers = new Map<string, Peer>();
  readonly #selves = new Set<string>();
  #reachable = false;
  #closed = false;

  constructor(options: PeerTableOptions) {
    const { self, roster, transport, listenPort, onEvent, clock = systemClock } = options;
    const interval = options.heartbeatMs ?? HEARTBEAT_MS;
    const gossip = new Gossip(roster);
    this.#self = self;
    this.#roster = roster;
    this.#seen = new SeenList(clock);
    this.#around = {
      clock,
      random: options.random ?? Math.random,
      meshId: roster.meshId,
      connector: (node) => transport.connector(node),
      listenPort,
      compress: options.compress ?? 'auto',
      heartbeatMs: () => interval * Math.max(1, this.#peers.size / BUSY_PEERS),
      onHello: async (peer, hello, signal) => {
        await gossip.catchUp(hello, () => peer.client.roster(signal));
        this.#exchange(hello);
      },
      onState: () => this.#tellReachable(onEvent),
      onEvent,
    };
    this.#dialer = new Dialer({
      clock,
      identify: (address, signal) => transport.identify(address, signal),
      onNode: (node, route) => this.#identified(node, route),
    });
  }

  sight(sighting: Sighting): void {
    if (this.#closed) return;
    if (sighting.via === 'mdns') this.#seen.note(sighting);
    this.#dialer.dial(sighting, (address) => !this.#isSettled(address));
  }

  /** This member says itself that it listens there: who called can be called back without discovery. */
  introduce(node: string, host: string, port: number): void {
    this.#meet(node, { host: plainHost(host), port, via: 'exchange' }, 'second');
  }

  noteSent(node: string, bytes: number): void {
    const peer = this.#peers.get(node);
    if (peer) peer.bytesOut += bytes;
  }

  get(node: string): Peer | undefined {
    return this.#peers.get(node);
  }

  /** Everybody who was met, in any state. */
  all(): Peer[] {
    return [...this.#peers.values()];
  }

  /** Who can be asked now, nearest first. */
  usable(): Peer[] {
    return [...this.#peers.values()]
      .filter((peer) => peer.usable)
      .sort((a, b) => (a.rttMs ?? 0) - (b.rttMs ?? 0));
  }

  get connected(): number {
    return this.#connected().length;
  }

  infos(): PeerInfo[] {
    const peers = [...this.#peers.values()].map((peer) => peer.info());
    return [...peers, ...this.#seen.infos((address) => this.#isExplained(address))];
  }

  /** What a hello tells of others; an address of our own loopback only helps on this machine. */
  addressesFor(caller: string | undefined): PeerAddress[] {
    const local = caller !== undefined && isLoopback(caller);
    return this.#connected()
      .map(({ node, route }) => ({ node, host: route!.host, port: route!.port }))
      .filter(({ host }) => local || !isLoopback(host))
      .slice(0, BOUNDS.addresses);
  }

  /** Drops whoever is no member any more. */
  async retainMembers(): Promise<void> {
    const gone = [...this.#peers.values()].filter(({ node }) => !this.#roster.isMember(node));
    for (const { node } of gone) this.#peers.delete(node);
    this.#around.onState();
    await Promise.all(gone.map((peer) => peer.close()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#dialer.close();
    await Promise.all([...this.#peers.values()].map((peer) => peer.close()));
  }

  #identified(node: string, route: Route): void {
    if (node !== this.#self) this.#meet(node, route, 'first');
    else if (this.#selves.size < MAX_SELVES) this.#selves.add(addressText(route));
  }

  #meet(node: string, route: Route, place: Place): void {
    if (this.#closed || node === this.#self || !this.#roster.isMember(node)) return;
    const known = this.#peers.get(node);
    if (known) known.addRoute(route, place);
    else this.#peers.set(node, new Peer(node, '', route, this.#around));
  }

  #tellReachable(onEvent: EventSink): void {
    const reachable = this.usable().length > 0;
    if (reachable === this.#reachable || this.#closed) return;
    this.#reachable = reachable;
    onEvent({ kind: 'reachable', reachable });
  }

  #exchange(hello: Hello): void {
    for (const { node, host, port } of hello.addresses) {
      // Names are resolved only where the user wrote them.
      if (isIP(host)) this.#meet(node, { host, port, via: 'exchange' }, 'last');
    }
  }

  #connected(): Peer[] {
    return [...this.#peers.values()].filter(({ state }) => state === 'connected');
  }

  /** Nothing to find out: we listen there ourselves, or the peer there is connected. */
  #isSettled(address: string): boolean {
    if (this.#selves.has(address)) return true;
    return this.#connected().some(({ route }) => route && addressText(route) === address);
  }

  #isExplained(address: string): boolean {
    if (this.#selves.has(address)) return true;
    return [...this.#peers.values()].some((peer) => peer.usesAddress(address));
  }
}
