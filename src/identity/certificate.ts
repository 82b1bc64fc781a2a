import { type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { spkiOf } from './spki.js';

/** Certificates carry a key and nothing else: peers check the key against the roster, never a date. */
const NOT_BEFORE = new Date('2020-01-01T00:00:00Z');
const NOT_AFTER = new Date('9999-12-31T23:59:59Z');
const ALGORITHM = { name: 'Ed25519' };

/**
 * A self-signed certificate for an Ed25519 key, as PEM. It holds no name of person or machine,
 * because every stranger who connects can read it.
 */
export async function makeCertificate(
  privateKey: KeyObject,
  publicKey: KeyObject,
): Promise<string> {
  // Loading the library takes 125 ms, and only a node's very first start needs it.
  await import('reflect-metadata');
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const keys = {
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spkiOf(publicKey), ALGORITHM, true, [
      'verify',
    ]),
  };
  // A leading 0x01 keeps the serial positive and of fixed length (RFC 5280 §4.1.2.2).
  const serialNumber = `01${randomBytes(15).toString('hex')}`;
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber,
      name: 'CN=vrift',
      notBefore: NOT_BEFORE,
      notAfter: NOT_AFTER,
      signingAlgorithm: ALGORITHM,
      keys,
    },
    webcrypto,
  );
  return `${certificate.toString('pem').trim()}\n`;
}
