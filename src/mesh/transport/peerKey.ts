import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { isSafeSpki, nodeIdOf, spkiOf } from '../../identity/spki.js';

/** Who stands at the other end of a connection, proved by the handshake. */
export interface PeerKey {
  nodeId: string;
  /** DER of the SubjectPublicKeyInfo. */
  spki: Buffer;
}

/**
 * Reads the peer's key. To be called once, when the handshake ends: Node's client answers a second
 * time with nothing.
 *
 * @returns undefined unless the peer showed exactly one certificate, self-signed with a safe
 *   Ed25519 key, in a full TLS 1.3 handshake
 */
export function readPeerKey(socket: TLSSocket): PeerKey | undefined {
  // A resumed session proves possession of a ticket, not of the key.
  if (socket.isSessionReused() || socket.getProtocol() !== 'TLSv1.3') return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || !isAloneAndSelfSigned(certificate)) return undefined;
  const spki = spkiOf(certificate.publicKey);
  if (!isSafeSpki(spki)) return undefined;
  return { nodeId: nodeIdOf(spki), spki };
}

/** Node links whatever certificate came after the first as its issuer. */
function isAloneAndSelfSigned(certificate: X509Certificate): boolean {
  if (certificate.issuerCertificate !== undefined) return false;
  try {
    return certificate.verify(certificate.publicKey);
  } catch {
    return false;
  }
}
