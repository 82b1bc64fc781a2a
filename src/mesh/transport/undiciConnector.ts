import type { buildConnector } from 'undici';
import type { NodeKey } from '../../identity/nodeKey.js';
import { ALPN_PEER } from '../../wire/join.js';
import { type ConnectOptions, connectSecure } from './connect.js';

/** A connection that takes longer on a LAN is not going to serve a build. */
const CONNECT_TIMEOUT_MS = 3_000;

/**
 * The `connect` of an undici `Agent` or `Pool` whose origin is one peer, e.g.
 * `new Pool('https://10.0.0.7:7447', { connect: undiciConnector(key, nodeId) })`. undici gets the
 * socket only after the key was compared. Its own connector would resume TLS sessions.
 */
export function undiciConnector(
  key: NodeKey,
  expect: ConnectOptions['expect'],
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): buildConnector.connector {
  const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
  return ({ hostname, port }, callback) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    connectSecure({
      host,
      port: Number(port || 443),
      key,
      alpn: ALPN_PEER,
      expect,
      timeoutMs,
      ...(signal && { signal }),
    }).then(
      ({ socket }) => callback(null, socket),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}
