import { VriftError } from '../base/errors.js';
import type { Peer } from './peer.js';

/** A shorter beginning of a node id names nobody: the next peer may begin like that too. */
const MIN_ID_CHARS = 4;

/**
 * The peer that a person means by a name or the beginning of a node id, ready to be asked.
 *
 * @throws VRIFT_PEER_UNKNOWN, VRIFT_PEER_AWAY, VRIFT_PEER_PROTOCOL
 */
export function choosePeer(peers: readonly Peer[], wanted: string): Peer {
  const named = peers.filter(({ node, name }) => {
    return name === wanted || (wanted.length >= MIN_ID_CHARS && node.startsWith(wanted));
  });
  const [peer, other] = named;
  if (peer === undefined) {
    throw new VriftError('VRIFT_PEER_UNKNOWN', `no peer is called ${wanted}`);
  }
  if (other !== undefined) {
    const ids = named.map(({ node }) => node.slice(0, 12)).join(', ');
    throw new VriftError('VRIFT_PEER_UNKNOWN', `${wanted} could be any of ${ids}`);
  }
  const called = peer.name || peer.node.slice(0, 12);
  if (peer.state === 'incompatible') {
    throw new VriftError('VRIFT_PEER_PROTOCOL', `${called} speaks another protocol`);
  }
  if (!peer.usable) throw new VriftError('VRIFT_PEER_AWAY', `${called} does not answer now`);
  return peer;
}
