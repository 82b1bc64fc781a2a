import type { Txt } from '../../wire/txt.js';

/** A hint that a vrift node may listen somewhere. Never believed: TLS decides who it is. */
export interface Sighting {
  via: 'mdns' | 'static' | 'exchange';
  /** What announced it: a DNS-SD instance, a configured peer, a member's node id. */
  source: string;
  /** At most `MAX_ADDRESSES`, the likeliest first. */
  addresses: string[];
  port: number;
  /** Present for mDNS; the consumer decides by it whether to dial. */
  txt?: Txt;
}

/** One announced name makes a member dial no more than this. */
export const MAX_ADDRESSES = 4;

/**
 * A way to learn where nodes are. The same node is sighted again and again, on every interface
 * and after every change; nobody is ever reported as gone, because only connections know that.
 */
export interface Discovery {
  start(onSighting: (sighting: Sighting) => void): void;
  close(): Promise<void>;
}
