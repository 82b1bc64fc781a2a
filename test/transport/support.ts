import { webcrypto, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { listenSecure, type SecureListener } from '../../src/mesh/transport/secure.js';
import { ALPN_PEER } from '../../src/wire/join.js';

/** What happened on a node that strangers and members try to talk to. */
export interface Victim {
  port: number;
  members: Set<string>;
  /** Paths of requests that reached the HTTP server. */
  requests: string[];
  /** Node ids of connections that were handed on. */
  peers: string[];
  joins: Buffer[];
  listener: SecureListener;
  http: Server;
}

export async function startVictim(key: NodeKey, members: readonly NodeKey[]): Promise<Victim> {
  const requests: string[] = [];
  const peers: string[] = [];
  const joins: Buffer[] = [];
  const known = new Set(members.map(({ nodeId }) => nodeId));
  const http = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end('secret');
  });
  const listener = await listenSecure({
    key,
    host: '127.0.0.1',
    port: 0,
    isMember: (nodeId) => known.has(nodeId),
    onPeer: (socket, nodeId) => {
      peers.push(nodeId);
      http.emit('connection', socket);
    },
    onJoin: (socket, spki) => {
      joins.push(spki);
      socket.end('join');
    },
  });
  onTestFinished(() => listener.close());
  return { port: listener.port, members: known, requests, peers, joins, listener, http };
}

/** A client that does whatever it is told; by default what a member's would do. */
export function dial(
  port: number,
  key: NodeKey | undefined,
  options: ConnectionOptions = {},
): TLSSocket {
  const socket = connect({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ALPNProtocols: [ALPN_PEER],
    ...(key && { key: key.keyPem, cert: key.certPem }),
    ...options,
  });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Sends a request at once, with the last flight of the handshake, and collects what comes back. */
export async function ask(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write('GET /v1/secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await closed(socket);
  return Buffer.concat(chunks).toString('latin1');
}

/** Waits for the end of a connection, whether it ends well or not. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

/** A self-signed RSA certificate with its key. */
export async function rsaIdentity(): Promise<{ key: string; cert: string }> {
  await import('reflect-metadata');
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=stranger', signingAlgorithm: algorithm, keys },
    webcrypto,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const lines = pkcs8.toString('base64').replace(/.{64}/g, '$&\n');
  const key = `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
  return { key, cert: certificate.toString('pem') };
}

/** The certificate of a node with another public key and signature in it. */
export function doctoredCertificate(
  key: NodeKey,
  point: Buffer,
  signature: Buffer,
): X509Certificate {
  const der = Buffer.from(new X509Certificate(key.certPem).raw);
  const own = key.spki.subarray(-32);
  point.copy(der, der.indexOf(own));
  signature.copy(der, der.length - 64);
  return new X509Certificate(der);
}
