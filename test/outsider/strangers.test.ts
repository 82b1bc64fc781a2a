import { once } from 'node:events';
import { createConnection } from 'node:net';
import { expect, it } from 'vitest';
import { foundMesh, newMember, newNode } from '../identity/support.js';
import { rsaIdentity } from '../transport/support.js';
import { HELLO, outside, said } from './support.js';

/**
 * Whoever is no member gets not one byte of application data, not even for a request that came
 * with the last flight of the handshake. A key of low order cannot be shown by an honest library:
 * test/transport/strangers.test.ts has it.
 */
outside(
  'from the same network',
  (at) => {
    it('a member is answered, so that silence means something', async () => {
      expect(await said(at.office.dial(at.office.mallory.key), HELLO)).toContain('200 OK');
    });

    const NOBODIES: Record<string, () => Promise<string>> = {
      'without a certificate': async () => said(at.office.dial(undefined), HELLO),
      'with a certificate of its own': async () => {
        return said(at.office.dial((await newNode()).key), HELLO);
      },
      'with an RSA key': async () => said(at.office.dial(undefined, await rsaIdentity()), HELLO),
      'with a member’s certificate behind its own': async () => {
        const { keyPem: key, certPem } = (await newNode()).key;
        const cert = certPem + at.office.mallory.key.certPem;
        return said(at.office.dial(undefined, { key, cert }), HELLO);
      },
      'with a member’s certificate before its own': async () => {
        const { keyPem: key, certPem } = (await newNode()).key;
        const cert = at.office.mallory.key.certPem + certPem;
        try {
          return await said(at.office.dial(undefined, { key, cert }), HELLO);
        } catch (error) {
          // The library itself refuses a key that does not fit.
          expect((error as { code?: string }).code).toBe('ERR_OSSL_X509_KEY_VALUES_MISMATCH');
          return '';
        }
      },
      'with a member’s key and more than one certificate': async () => {
        const { keyPem: key, certPem } = at.office.mallory.key;
        const cert = certPem + (await newNode()).key.certPem;
        return said(at.office.dial(undefined, { key, cert }), HELLO);
      },
      'as a member of another mesh': async () => {
        const other = await newMember((await foundMesh('cellar')).membership);
        return said(at.office.dial(other.key), HELLO);
      },
      'as a member that was revoked': async () =>
        said(at.office.dial(at.office.revoked.key), HELLO),
      'with a member’s session, without the key': async () => {
        const real = at.office.dial(at.office.mallory.key);
        const [session] = (await once(real, 'session')) as [Buffer];
        real.destroy();
        return said(at.office.dial(undefined, { session }), HELLO);
      },
      'over TLS 1.2': async () => {
        return said(at.office.dial(at.office.mallory.key, { maxVersion: 'TLSv1.2' }), HELLO);
      },
      'without an application protocol': async () => {
        return said(at.office.dial(at.office.mallory.key, { ALPNProtocols: [] }), HELLO);
      },
      'over HTTP/2': async () => {
        return said(at.office.dial(at.office.mallory.key, { ALPNProtocols: ['h2'] }), HELLO);
      },
    };
    for (const [who, attempt] of Object.entries(NOBODIES)) {
      it(`nothing is said ${who}`, async () => {
        await at.office.unharmed(async () => expect(await attempt()).toBe(''));
      });
    }

    it('nothing is said in plain HTTP, to a page in a browser of this machine either', async () => {
      const here = await at.office.wayTo(at.office.lan.hosts[0]!, '127.0.0.1', at.office.port);
      const page =
        'POST /v1/find HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n' +
        'Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{"unitKeys":[]}';
      await at.office.unharmed(async () => {
        expect(await said(at.office.tcp(), HELLO)).not.toMatch(/HTTP|vrift/);
        expect(await said(createConnection({ path: here }), page)).not.toMatch(/HTTP|found/);
        const browser = at.office.dial(undefined, { path: here });
        expect(await said(browser, page)).toBe('');
      });
    });
  },
  { holds: true },
);
