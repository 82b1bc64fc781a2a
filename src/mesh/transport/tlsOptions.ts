import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { NodeKey } from '../../identity/nodeKey.js';

/**
 * What both sides of every connection use. Certificates are compared by key after the handshake
 * (peerKey.ts), so the library is told to accept any; without tickets a login always costs the
 * private key.
 */
export function tlsOptions(
  key: NodeKey,
): SecureContextOptions & { rejectUnauthorized: false; requestCert: true } {
  return {
    key: key.keyPem,
    cert: key.certPem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    sigalgs: 'ed25519',
    secureOptions: constants.SSL_OP_NO_TICKET,
    requestCert: true,
    rejectUnauthorized: false,
  };
}
