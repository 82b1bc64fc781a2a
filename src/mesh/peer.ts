import type { buildConnector } from 'undici';
import type { Clock } from '../base/clock.js';
import { linkSignals } from '../base/signals.js';
import type { PeerInfo } from '../wire/control.js';
import type { Hello } from '../wire/http.js';
import type { Compress } from '../wire/packed.js';
import { addressText } from './address.js';
import type { EventSink } from './events.js';
import { PeerFault } from './fault.js';
import { Goodput } from './goodput.js';
import { Pause } from './pause.js';
import { PeerClient } from './peerClient.js';
import { Penalty } from './penalty.js';
import { type Place, type Route, Routes } from './routes.js';

const HELLO_DEADLINE_MS = 3_000;
/** After the first hello, which paid for the handshake, to measure the round trip. */
const SECOND_HELLO_MS = 150;
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
const INCOMPATIBLE_RETRY_MS = 30_000;

/** What a peer needs of the table that it stands in. */
export interface PeerSurroundings {
  clock: Clock;
  random: () => number;
  meshId: string;
  connector(node: string): buildConnector.connector;
  listenPort(): number | null;
  compress: Compress;
  heartbeatMs(): number;
  /** After each good hello; may pull what the hello says is new. */
  onHello(peer: Peer, hello: Hello, signal: AbortSignal): Promise<void>;
  /** Something about whether peers can be asked may have changed. */
  onState(): void;
  onEvent: EventSink;
}

/**
 * One other member: the ways to it, and whether it answers. It says hello for as long as it
 * lives, so liveness never rests on what somebody announced.
 */
export class Peer {
  readonly node: string;
  name: string;
  state: Exclude<PeerInfo['state'], 'seen'> = 'unreachable';
  rttMs: number | null = null;
  bytesIn = 0;
  bytesOut = 0;
  hits = 0;
  /** How fast content comes from it. */
  readonly goodput: Goodput;
  readonly #around: PeerSurroundings;
  readonly #routes = new Routes();
  readonly #pause = new Pause();
  readonly #penalty: Penalty;
  readonly #closed = new AbortController();
  readonly #running: Promise<void>;
  #client: { peer: PeerClient; address: string } | undefined;
  #hello: Partial<Pick<Hello, 'version' | 'results' | 'epoch'>> = {};
  #failures = 0;
  /** Did not answer in time; asked nothing until a hello succeeds. */
  #suspect = false;
  #lastSeen: number | null = null;

  constructor(node: string, name: string, route: Route, around: PeerSurroundings) {
    this.node = node;
    this.name = name;
    this.#around = around;
    this.goodput = new Goodput(() => around.clock.monotonic());
    this.#penalty = new Penalty(() => around.clock.monotonic());
    this.#routes.add(route, 'first');
    this.#running = this.#run();
  }

  /** Whether it makes sense to ask it something now. */
  get usable(): boolean {
    return this.state === 'connected' && !this.#suspect && !this.#penalty.active;
  }

  get route(): Route | undefined {
    return this.#routes.first;
  }

  /** The way to ask it; only while `usable`. */
  get client(): PeerClient {
    return this.#connect();
  }

  addRoute(route: Route, place: Place): void {
    if (this.state === 'connected') this.#routes.add(route, place === 'last' ? 'last' : 'second');
    else if (this.#routes.add(route, place) || place === 'first') this.wake();
  }

  usesAddress(address: string): boolean {
    return this.#routes.has(address);
  }

  wake(): void {
    this.#pause.wake();
  }

  /** It kept somebody waiting past a deadline: the next hello decides. */
  suspect(): void {
    if (this.#suspect) return;
    this.#suspect = true;
    this.#around.onState();
    this.wake();
  }

  /** It sent something wrong: it is left alone for a while. */
  penalise(message: string): void {
    this.#penalty.add();
    this.#around.onState();
    const { node, name } = this;
    this.#around.onEvent({ kind: 'peer-fault', code: 'VRIFT_PEER_INVALID', node, name, message });
  }

  info(): PeerInfo {
    const { node, name, state, bytesIn, bytesOut, hits } = this;
    const route = this.#routes.first;
    return {
      // It says its name itself: nobody knows it before the first hello.
      name: name || node.slice(0, 8),
      node,
      address: route ? addressText(route) : '',
      state,
      via: route?.via ?? 'exchange',
      rttMs: this.rttMs,
      version: this.#hello.version ?? null,
      results: this.#hello.results ?? null,
      bytesIn,
      bytesOut,
      hits,
      lastSeen: this.#lastSeen,
    };
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.wake();
    await Promise.all([this.#client?.peer.close(), this.#running]);
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      const pauseMs = await this.#beat();
      this.#around.onState();
      await this.#pause.sleep(pauseMs * (0.8 + 0.4 * this.#around.random()));
    }
  }

  /** @returns milliseconds until the next */
  async #beat(): Promise<number> {
    using within = linkSignals([this.#closed.signal], { deadlineMs: HELLO_DEADLINE_MS });
    try {
      const began = this.#around.clock.monotonic();
      const hello = await this.#connect().hello(within.signal);
      const ms = this.#around.clock.monotonic() - began;
      this.#lastSeen = this.#around.clock.now();
      if (!('node' in hello)) return this.#turnAway(hello);
      if (hello.node !== this.node || hello.mesh !== this.#around.meshId) {
        throw new PeerFault(`hello: answers as ${hello.node} of mesh ${hello.mesh}`);
      }
      return await this.#welcome(hello, ms, within.signal);
    } catch (error) {
      return this.#fail(error as Error);
    }
  }

  async #welcome(hello: Hello, ms: number, signal: AbortSignal): Promise<number> {
    const first = this.state !== 'connected';
    const restarted = !first && this.#hello.epoch !== hello.epoch;
    this.rttMs = first || this.rttMs === null ? ms : Math.min(ms, 0.7 * this.rttMs + 0.3 * ms);
    this.#failures = 0;
    this.#suspect = false;
    this.#hello = hello;
    this.name = hello.name;
    this.state = 'connected';
    if (first || restarted) this.#tellUp();
    await this.#around.onHello(this, hello, signal);
    return first ? SECOND_HELLO_MS : this.#around.heartbeatMs();
  }

  #turnAway(greeting: Pick<Hello, 'version' | 'protocol'>): number {
    const { node, name } = this;
    const news = this.state !== 'incompatible' || this.#hello.version !== greeting.version;
    this.state = 'incompatible';
    this.#hello = { version: greeting.version };
    if (news) {
      const message = `${name || node} runs vrift ${greeting.version}, mesh protocol ${greeting.protocol}`;
      this.#around.onEvent({
        kind: 'peer-fault',
        code: 'VRIFT_PEER_PROTOCOL',
        node,
        name,
        message,
      });
    }
    return INCOMPATIBLE_RETRY_MS;
  }

  #fail(error: Error): number {
    if (this.#closed.signal.aborted) return 0;
    const { node, name } = this;
    if (this.state === 'connected') {
      this.#around.onEvent({ kind: 'peer-down', node, name, reason: error.message });
    }
    if (error instanceof PeerFault) this.penalise(error.message);
    this.state = 'unreachable';
    this.rttMs = null;
    this.#routes.rotate();
    const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
    this.#failures += 1;
    return pauseMs;
  }

  #tellUp(): void {
    const { node, name } = this;
    const route = this.#routes.first!;
    const address = addressText(route);
    this.#around.onEvent({ kind: 'peer-up', node, name, address, via: route.via });
  }

  #connect(): PeerClient {
    const route = this.#routes.first!;
    const address = addressText(route);
    if (this.#client?.address === address) return this.#client.peer;
    this.#client?.peer.retire();
    const { connector, listenPort, compress } = this.#around;
    const peer = new PeerClient(route, { connect: connector(this.node), listenPort, compress });
    this.#client = { peer, address };
    return peer;
  }
}
