import { createServer, type Server, type TLSSocket } from 'node:tls';
import { errnoOf, VriftError } from '../../base/errors.js';
import type { NodeKey } from '../../identity/nodeKey.js';
import { ALPN_JOIN, ALPN_PEER } from '../../wire/join.js';
import { Gate } from './gate.js';
import { HANDSHAKE_TIMEOUT_MS, HandshakeGuard } from './handshakes.js';
import { LiveConnections } from './liveConnections.js';
import { readPeerKey } from './peerKey.js';
import { tlsOptions } from './tlsOptions.js';

const MAX_CONNECTIONS = 1024;
const MAX_JOINS = { total: 32, perAddress: 4 };

export interface ListenOptions {
  key: NodeKey;
  /** Address to bind; all of them when left out. */
  host?: string;
  /** 0 chooses one. */
  port: number;
  isMember: (nodeId: string) => boolean;
  /** A member, on ALPN `http/1.1`. The receiver sets the deadlines of its requests. */
  onPeer: (socket: TLSSocket, nodeId: string) => void;
  /**
   * Any safe key, on ALPN `vrift-join/1`. The receiver owns the socket and ends it in time. `keep`
   * takes it out of the crowd whose oldest has to go for the next: the receiver bounds it then.
   */
  onJoin: (socket: TLSSocket, spki: Buffer, keep: () => void) => void;
}

export interface SecureListener extends AsyncDisposable {
  readonly port: number;
  /** Ends connections of nodes that `isMember` no longer knows. @returns how many */
  disconnectNonMembers(): number;
  /** Stops listening and ends all connections. */
  close(): Promise<void>;
}

/**
 * The mesh port. Whoever is no member gets no further than the handshake: nothing that it sends
 * is read by any parser but TLS, or the join protocol's.
 *
 * @throws VRIFT_PORT_IN_USE
 */
export async function listenSecure(options: ListenOptions): Promise<SecureListener> {
  const server = createServer({
    ...tlsOptions(options.key),
    ALPNProtocols: [ALPN_PEER, ALPN_JOIN],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
  });
  server.maxConnections = MAX_CONNECTIONS;
  // After the start, an error of one connection is no reason to end the node.
  server.on('error', () => undefined);
  server.on('tlsClientError', (_, socket) => socket.destroy());
  const guard = new HandshakeGuard(server);
  const live = new LiveConnections();
  const route = routeTo(options, live);
  server.on('secureConnection', (socket) => {
    guard.settle(socket);
    route(socket);
  });
  await bind(server, options);
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    guard.destroyAll();
    await closed;
  };
  return {
    port: portOf(server),
    disconnectNonMembers: () => live.disconnectNonMembers(options.isMember),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Decides, in the very call that ends the handshake, who may go on. */
function routeTo(options: ListenOptions, live: LiveConnections): (socket: TLSSocket) => void {
  const { isMember, onPeer, onJoin } = options;
  const joins = new Gate(MAX_JOINS);
  return (socket) => {
    // Without a listener, a peer that resets its connection would end the process.
    socket.on('error', () => socket.destroy());
    const peer = readPeerKey(socket);
    if (peer === undefined) return void socket.destroy();
    if (socket.alpnProtocol === ALPN_JOIN) {
      const leave = joins.enter(socket.remoteAddress ?? '', () => socket.destroy());
      socket.once('close', leave);
      return onJoin(socket, peer.spki, leave);
    }
    const welcome = socket.alpnProtocol === ALPN_PEER && isMember(peer.nodeId);
    if (!welcome) return void socket.destroy();
    live.track(socket, peer.nodeId);
    onPeer(socket, peer.nodeId);
  };
}

async function bind(server: Server, { host, port }: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((cause: unknown) => {
    if (errnoOf(cause) !== 'EADDRINUSE') throw cause;
    throw new VriftError('VRIFT_PORT_IN_USE', `port ${port} is in use`, { cause });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}
