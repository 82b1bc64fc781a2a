import type { Compress } from '../wire/packed.js';

/** Where a node listens when nothing is configured. */
export const DEFAULT_PORT = 7391;

/** The `[mesh]` settings, as far as this folder needs them; plain data. */
export interface MeshConfig {
  /** What people call this machine; any text, made into an allowed name. */
  nodeName: string;
  /** As configured; undefined: `DEFAULT_PORT`, or any other when that is taken. 0: any. */
  port?: number | undefined;
  /** Address to bind; default: all. */
  host?: string | undefined;
  /** `host:port` of peers that multicast does not reach. */
  peers: readonly string[];
  /** Whether to find and be found by mDNS. */
  mdns: boolean;
  /** Interface names or IPv4 addresses for mDNS; undefined: all, and loopback. */
  interfaces?: readonly string[] | undefined;
  /** Whether content is compressed on its way; default: where a link is slow. */
  compress?: Compress | undefined;
}
