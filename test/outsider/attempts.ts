import { once } from 'node:events';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { foundMesh, newMember, newNode } from '../identity/support.js';
import { rsaIdentity } from '../transport/support.js';
import { HELLO, said } from './support.js';

/** A way to a server, and the keys that an attacker may have. */
export interface Target {
  dial(identity: NodeKey | undefined, options?: ConnectionOptions): TLSSocket;
  member: NodeKey;
  revoked: NodeKey;
}

/** What somebody who is no member can try to be answered: each gives what comes back. */
export const ATTEMPTS: Readonly<Record<string, (target: Target) => Promise<string>>> = {
  'without a certificate': async ({ dial }) => said(dial(undefined), HELLO),
  'with a certificate of its own': async ({ dial }) => said(dial((await newNode()).key), HELLO),
  'with an RSA key': async ({ dial }) => said(dial(undefined, await rsaIdentity()), HELLO),
  'with a member’s certificate behind its own': async ({ dial, member }) => {
    const { keyPem: key, certPem } = (await newNode()).key;
    return said(dial(undefined, { key, cert: certPem + member.certPem }), HELLO);
  },
  'with a member’s key and more than one certificate': async ({ dial, member }) => {
    const { keyPem: key, certPem } = member;
    const cert = certPem + (await newNode()).key.certPem;
    return said(dial(undefined, { key, cert }), HELLO);
  },
  'as a member of another mesh': async ({ dial }) => {
    const other = await newMember((await foundMesh('cellar')).membership);
    return said(dial(other.key), HELLO);
  },
  'as a member that was revoked': async ({ dial, revoked }) => said(dial(revoked), HELLO),
  'with a member’s session, without the key': async ({ dial, member }) => {
    const real = dial(member);
    const [session] = (await once(real, 'session')) as [Buffer];
    real.destroy();
    return said(dial(undefined, { session }), HELLO);
  },
  'over TLS 1.2': async ({ dial, member }) => {
    return said(dial(member, { maxVersion: 'TLSv1.2' }), HELLO);
  },
  'without an application protocol': async ({ dial, member }) => {
    return said(dial(member, { ALPNProtocols: [] }), HELLO);
  },
  'over HTTP/2': async ({ dial, member }) => said(dial(member, { ALPNProtocols: ['h2'] }), HELLO),
};

/** What a page in a browser can make it send to any port of its own machine. */
export const PAGE =
  'POST /v1/find HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n' +
  'Content-Type: application/json\r\nConnection: close\r\nContent-Length: 15\r\n\r\n{"unitKeys":[]}';
