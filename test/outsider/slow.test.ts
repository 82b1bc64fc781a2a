import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { closed } from '../transport/support.js';
import { HELLO, outside, said } from './support.js';

/** Keeps a connection busy with a byte now and then. @returns milliseconds until it was ended */
async function drip(socket: Socket, begin: string): Promise<{ ms: number; answer: string }> {
  const chunks: Buffer[] = [];
  const began = performance.now();
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(begin);
  const timer = setInterval(() => socket.write('a'), 300);
  onTestFinished(() => clearInterval(timer));
  await closed(socket);
  clearInterval(timer);
  return { ms: performance.now() - began, answer: Buffer.concat(chunks).toString('latin1') };
}

outside(
  'connections that only wait',
  (at) => {
    it('from a stranger, dripping a handshake, end after 3 s', async () => {
      await at.office.unharmed(async () => {
        const { ms } = await drip(at.office.tcp(), '\u0016\u0003\u0001\u0002\u0000');
        expect(ms).toBeGreaterThan(2_000);
        expect(ms).toBeLessThan(5_000);
      });
    });

    it('from a member, dripping headers or a body, are answered 408 in time', async () => {
      await at.office.unharmed(async () => {
        const request = 'POST /v1/find HTTP/1.1\r\nHost: x\r\n';
        const body = 'Content-Type: application/json\r\nContent-Length: 999\r\n\r\n{"unit';
        const [headers, bodies] = await Promise.all([
          drip(at.office.dial(at.office.mallory.key), `${request}X-Slow: `),
          drip(at.office.dial(at.office.mallory.key), `${request}${body}`),
        ]);
        expect(headers.answer).toMatch(/^HTTP\/1.1 408 /);
        expect(headers.ms).toBeLessThan(8_000);
        expect(bodies.answer).toMatch(/^HTTP\/1.1 408 /);
        expect(bodies.ms).toBeLessThan(13_000);
      });
    }, 30_000);

    it('half open by the thousand, keep no member out', async () => {
      await at.office.unharmed(async () => {
        let open = 0;
        const sockets = Array.from({ length: 2_000 }, () => {
          const socket = at.office.tcp();
          socket.once('connect', () => {
            open += 1;
          });
          socket.once('close', () => {
            open -= 1;
          });
          return socket.resume();
        });
        onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
        await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => undefined)));
        expect(await said(at.office.dial(at.office.mallory.key), HELLO)).toContain('200 OK');
        expect((await at.office.alice.status()).running).toBe(true);
        // Not by the timeout of a handshake, which comes after 3 s.
        await expect.poll(() => open, { timeout: 2_500 }).toBeLessThanOrEqual(64);
      });
    }, 30_000);

    it('of one member, are no more than 24', async () => {
      await at.office.unharmed(async () => {
        let open = 0;
        const sockets = Array.from({ length: 60 }, () => {
          const socket = at.office.dial(at.office.mallory.key);
          socket.once('secureConnect', () => {
            open += 1;
          });
          socket.once('close', () => {
            open -= 1;
          });
          return socket.resume();
        });
        onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
        await Promise.all(
          sockets.map((socket) => once(socket, 'secureConnect').catch(() => undefined)),
        );
        await expect.poll(() => open, { timeout: 3_000 }).toBeLessThanOrEqual(24);
        expect(open).toBeGreaterThan(0);
      });
    });
  },
  { holds: true },
);
