import type { MeshConfig } from '../config.js';
import type { Discovery } from './discovery.js';
import { MdnsDiscovery } from './mdns.js';
import { parseStaticPeer, StaticDiscovery } from './static.js';

/** The ways to find peers that are configured, not started yet. */
export function openDiscoveries(
  config: Pick<MeshConfig, 'peers' | 'mdns' | 'interfaces'>,
  own: {
    /** Null: there is nothing to announce, only to find. */
    port: number | null;
    secret: Uint8Array;
    onProblem(message: string): void;
  },
): Discovery[] {
  const { port, secret, onProblem } = own;
  const discoveries: Discovery[] = [];
  const peers = config.peers.map(parseStaticPeer).filter((peer) => peer !== undefined);
  if (peers.length > 0) discoveries.push(new StaticDiscovery(peers));
  if (config.mdns) {
    discoveries.push(
      new MdnsDiscovery({
        ...(port !== null && { announce: { port, secret } }),
        interfaces: config.interfaces,
        onProblem: ({ message }) => onProblem(message),
      }),
    );
  }
  return discoveries;
}
