import { createConnection } from 'node:net';
import { expect, it } from 'vitest';
import { newNode } from '../identity/support.js';
import { ATTEMPTS, PAGE } from './attempts.js';
import { HELLO, outside, said } from './support.js';

/**
 * Whoever is no member gets not one byte of application data, not even for a request that came
 * with the last flight of the handshake. That each attempt would be answered by a server without
 * these checks shows lax.test.ts. A key of low order cannot be shown by an honest library:
 * test/transport/strangers.test.ts has it.
 */
outside(
  'from the same network',
  (at) => {
    const target = () => {
      const { office } = at;
      return {
        dial: office.dial.bind(office),
        member: office.mallory.key,
        revoked: office.revoked.key,
      };
    };

    it('a member is answered, so that silence means something', async () => {
      expect(await said(at.office.dial(at.office.mallory.key), HELLO)).toContain('200 OK');
    });

    for (const [who, attempt] of Object.entries(ATTEMPTS)) {
      it(`nothing is said ${who}`, async () => {
        await at.office.unharmed(async () => expect(await attempt(target())).toBe(''));
      });
    }

    it('nobody shows a member’s certificate without its key', async () => {
      const { keyPem: key, certPem } = (await newNode()).key;
      const cert = at.office.mallory.key.certPem + certPem;
      expect(() => at.office.dial(undefined, { key, cert })).toThrow(
        expect.objectContaining({ code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' }),
      );
    });

    it('nothing is said in plain HTTP, to a page in a browser of this machine either', async () => {
      const here = await at.office.wayTo(at.office.lan.hosts[0]!, '127.0.0.1', at.office.port);
      await at.office.unharmed(async () => {
        expect(await said(at.office.tcp(), HELLO)).not.toMatch(/HTTP|vrift/);
        expect(await said(createConnection({ path: here }), PAGE)).not.toMatch(/HTTP|found/);
        const browser = at.office.dial(undefined, { path: here });
        expect(await said(browser, PAGE)).toBe('');
      });
    });
  },
  { holds: true },
);
