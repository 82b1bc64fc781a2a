import { connect, type TLSSocket } from 'node:tls';
import { VriftError } from '../../base/errors.js';
import { linkSignals } from '../../base/signals.js';
import type { NodeKey } from '../../identity/nodeKey.js';
import { type PeerKey, readPeerKey } from './peerKey.js';
import { tlsOptions } from './tlsOptions.js';

export interface ConnectOptions {
  /** A name or an address, IPv6 without brackets. */
  host: string;
  port: number;
  key: NodeKey;
  alpn: string;
  /** The only node, or any of the nodes, that may answer. */
  expect: string | ((nodeId: string) => boolean);
  /** From the first packet to the end of the handshake. */
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface SecureConnection extends PeerKey {
  socket: TLSSocket;
}

/**
 * Connects and compares the other side's key before anybody can write a byte. That this side is
 * welcome there shows only with the first answer: in TLS 1.3 the client is ready first.
 *
 * @throws VRIFT_PEER_INVALID when another key answers; the system's error when nobody does; the
 *   signal's reason; a `TimeoutError`
 */
export async function connectSecure(options: ConnectOptions): Promise<SecureConnection> {
  const { host, port, key, alpn, timeoutMs } = options;
  using deadline = linkSignals([options.signal], { deadlineMs: timeoutMs });
  const { signal } = deadline;
  signal.throwIfAborted();
  const socket = connect({
    ...tlsOptions(key),
    host,
    port,
    ALPNProtocols: [alpn],
  });
  socket.setNoDelay(true);
  // Stays for the life of the connection: an error without a listener would end the process.
  socket.on('error', () => socket.destroy());
  const peer = await new Promise<PeerKey>((resolve, reject) => {
    const fail = (error: unknown) => {
      socket.destroy();
      reject(error);
    };
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    socket.once('error', fail);
    socket.once('close', () => fail(new Error(`${host}:${port} hung up in the handshake`)));
    socket.once('secureConnect', () => {
      const answered = readPeerKey(socket);
      if (answered !== undefined && isExpected(answered.nodeId, options)) resolve(answered);
      else fail(new VriftError('VRIFT_PEER_INVALID', `another node answers at ${host}:${port}`));
    });
  });
  if (socket.alpnProtocol !== alpn) {
    socket.destroy();
    throw new VriftError('VRIFT_PEER_PROTOCOL', `${host}:${port} does not speak ${alpn}`);
  }
  return { socket, ...peer };
}

function isExpected(nodeId: string, { expect }: ConnectOptions): boolean {
  return typeof expect === 'string' ? expect === nodeId : expect(nodeId);
}
