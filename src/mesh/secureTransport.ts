import type { Membership } from '../identity/membership.js';
import type { NodeKey } from '../identity/nodeKey.js';
import { ALPN_PEER } from '../wire/join.js';
import type { Transport } from './peers.js';
import { connectSecure, undiciConnector } from './transport/secure.js';

const IDENTIFY_MS = 3_000;

/** TLS with this node's key; whoever is no member is not talked to. */
export function secureTransport(key: NodeKey, membership: Membership): Transport {
  return {
    identify: async ({ host, port }, signal) => {
      const expect = (node: string) => membership.isMember(node);
      const { socket, nodeId } = await connectSecure({
        host,
        port,
        key,
        alpn: ALPN_PEER,
        expect,
        timeoutMs: IDENTIFY_MS,
        signal,
      });
      socket.destroy();
      return nodeId;
    },
    connector: (node) => undiciConnector(key, node),
  };
}
