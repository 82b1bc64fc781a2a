import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Discovery, MAX_ADDRESSES, type Sighting } from './discovery.js';

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;

export interface StaticPeer {
  host: string;
  port: number;
}

/** `host:port` or `[ipv6]:port`; undefined for anything else. */
export function parseStaticPeer(text: string): StaticPeer | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]{1,255})):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : undefined;
}

/**
 * Peers from the configuration, for networks without multicast. Sighted again and again, with
 * names resolved anew each time, at first quickly and then every ten seconds: who is connected
 * already ignores that.
 */
export class StaticDiscovery implements Discovery {
  readonly #peers: readonly StaticPeer[];
  readonly #resolve: (host: string) => Promise<string[]>;
  readonly #timers = new Map<StaticPeer, NodeJS.Timeout>();
  #closed = false;

  constructor(
    peers: readonly StaticPeer[],
    options: { resolve?: (host: string) => Promise<string[]> } = {},
  ) {
    this.#peers = peers;
    this.#resolve = options.resolve ?? resolveHost;
  }

  start(onSighting: (sighting: Sighting) => void): void {
    for (const peer of this.#peers) void this.#sight(peer, FIRST_PAUSE_MS, onSighting);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  async #sight(
    peer: StaticPeer,
    pauseMs: number,
    onSighting: (sighting: Sighting) => void,
  ): Promise<void> {
    const addresses = await this.#resolve(peer.host);
    if (this.#closed) return;
    if (addresses.length > 0) {
      const source = `${peer.host}:${peer.port}`;
      onSighting({ via: 'static', source, addresses, port: peer.port });
    }
    const next = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    const again = () => void this.#sight(peer, next, onSighting);
    this.#timers.set(peer, setTimeout(again, pauseMs));
  }
}

/** A name that does not resolve now may do so later: no addresses, no error. */
async function resolveHost(host: string): Promise<string[]> {
  if (isIP(host)) return [host];
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.map(({ address }) => address).slice(0, MAX_ADDRESSES);
}
