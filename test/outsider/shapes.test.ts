import { expect, it } from 'vitest';
import { encodeFrame } from '../../src/wire/frame.js';
import { ALPN_JOIN } from '../../src/wire/join.js';
import { newNode } from '../identity/support.js';
import { CANARY, CLIMBING, post, SMUGGLED } from './requests.js';
import { isHungUpOn, outside, said } from './support.js';

const sized = (body: string) => post(`Connection: close\r\nContent-Length: ${body.length}`, body);
const zeros = '0'.repeat(64);

/** What a member's key lets in goes no further than the route and the shape that it names. */
outside(
  'requests of a member that nobody sends by accident',
  (at) => {
    const REQUESTS: Record<string, [request: string, status: RegExp]> = {
      'headers of 20 KiB': [post(`X-Big: ${'x'.repeat(20_000)}`), /^431/],
      'six thousand headers': [post('X: y\r\n'.repeat(6_000).trimEnd()), /^431/],
      'a body of 70 kB': [sized(`{"unitKeys":["${'x'.repeat(70_000)}"]}`), /^413/],
      'a body that is announced as 1 TB': [post('Content-Length: 1000000000000', '{'), /^413/],
      'a chunked body without end': [
        post('Transfer-Encoding: chunked', `8000\r\n${'x'.repeat(0x8000)}\r\n`.repeat(3)),
        /^413/,
      ],
      'a look-up of ten thousand keys': [sized(`{"unitKeys":[${'"",'.repeat(10_000)}""]}`), /^400/],
      'a body nested thirty thousand levels': [sized('['.repeat(30_000)), /^400/],
      'a prototype in a body': [sized('{"__proto__":{"unitKeys":[]}}'), /^400/],
      'a path that climbs': [CLIMBING['a path that climbs']!, /^404/],
      'an escaped path that climbs': [CLIMBING['an escaped path that climbs']!, /^400/],
      'a path with a NUL': [
        `GET /v1/blob/${zeros}%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        /^400/,
      ],
      'a path with two slashes': [
        `GET //v1//blob/${zeros} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        /^404/,
      ],
      'a proxy’s request': [
        'GET http://10.0.0.1/v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        /^404/,
      ],
      'a tunnel': ['CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n', /^$|^4/],
      'an upgrade': [
        'GET /v1/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
        /^404/,
      ],
      'a change of anything': [
        `PUT /v1/blob/${zeros} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx`,
        /^404/,
      ],
      'no HTTP at all': ['\u0000\u0001\u0002\r\n\r\n', /^400/],
    };
    for (const [what, [request, status]] of Object.entries(REQUESTS)) {
      it(what, async () => {
        await at.office.unharmed(async () => {
          const answer = await said(at.office.dial(at.office.mallory.key), request, 1_500);
          expect(answer.replace(/^HTTP\/1\.1 /, '').slice(0, 3)).toMatch(status);
          expect(answer).not.toContain('root:');
        });
      });
    }

    for (const [how, request] of Object.entries(SMUGGLED)) {
      it(`a request behind ${how} is not answered`, async () => {
        await at.office.unharmed(async () => {
          const answer = await said(at.office.dial(at.office.mallory.key), request, 1_000);
          expect(answer.match(/HTTP\/1\.1 200/g)).toBeNull();
          expect(answer).not.toContain(CANARY);
        });
      });
    }

    it('frames of the join protocol that are too long, too many or nonsense', async () => {
      const dial = async () =>
        at.office.dial((await newNode()).key, { ALPNProtocols: [ALPN_JOIN] });
      const before = await at.office.alice.vriftJson<unknown[]>(['mesh', 'members']);
      await at.office.unharmed(async () => {
        const long = Buffer.alloc(4);
        long.writeUInt32BE(0xffff_fff0);
        expect(await isHungUpOn(await dial(), long)).toBe(true);
        expect(await isHungUpOn(await dial(), encodeFrame({ x: 'x'.repeat(5_000) }))).toBe(true);
        expect(await isHungUpOn(await dial(), Buffer.alloc(40))).toBe(true);
        const many = Buffer.concat(Array.from({ length: 2_000 }, () => encodeFrame(1)));
        expect(await said(await dial(), many, 1_500)).not.toContain('welcome');
        const nested = Buffer.from(`\u0000\u0000\u000f\u00a0${'['.repeat(4_000)}`, 'latin1');
        expect(await isHungUpOn(await dial(), nested)).toBe(true);
      });
      expect(await at.office.alice.vriftJson(['mesh', 'members'])).toEqual(before);
    });
  },
  { holds: true },
);
