import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { feedHttp, type HttpDeadlines } from '../../src/mesh/transport/httpDeadlines.js';

const DEADLINES: HttpDeadlines = { headersMs: 150, bodyMs: 150, idleMs: 400 };

/** Answers with the body it got; `/slow` takes its time. */
function echo(): Server {
  return createServer((request, response) => {
    if (request.url === '/slow') {
      response.write('a');
      setTimeout(() => response.end('b'), 600);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => response.end(Buffer.concat(chunks)));
  });
}

async function dial(): Promise<{ socket: Socket; answer: () => string }> {
  const http = echo();
  const tcp = createTcpServer((socket) => feedHttp(http, socket, DEADLINES));
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  onTestFinished(() => void tcp.close());
  const socket = connect((tcp.address() as { port: number }).port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  return { socket, answer: () => Buffer.concat(chunks).toString('latin1') };
}

async function secondsUntilClosed(socket: Socket): Promise<number> {
  const startedMs = performance.now();
  await once(socket, 'close');
  return performance.now() - startedMs;
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

describe('a server that is fed connections', () => {
  it('answers 408 in time to headers that only drip', async () => {
    const { socket, answer } = await dial();
    const drip = setInterval(() => socket.write('X-A: 1\r\n'), 30);
    onTestFinished(() => clearInterval(drip));
    socket.write('GET / HTTP/1.1\r\n');
    expect(await secondsUntilClosed(socket)).toBeLessThan(1_000);
    expect(answer()).toMatch(/^HTTP\/1.1 408 /);
  });

  it('answers 408 also when the second request of a connection drips', async () => {
    const { socket, answer } = await dial();
    socket.write(GET);
    await once(socket, 'data');
    socket.write('GET / HT');
    expect(await secondsUntilClosed(socket)).toBeLessThan(1_000);
    expect(answer()).toMatch(/^HTTP\/1.1 200 [\s\S]*HTTP\/1.1 408 /);
  });

  it('answers 408 to a body that does not come', async () => {
    const { socket, answer } = await dial();
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    expect(await secondsUntilClosed(socket)).toBeLessThan(1_000);
    expect(answer()).toMatch(/^HTTP\/1.1 408 /);
  });

  it('closes what is idle, without a word', async () => {
    const { socket, answer } = await dial();
    expect(await secondsUntilClosed(socket)).toBeGreaterThan(300);
    expect(answer()).toBe('');
  });

  it('serves one request after another, whole bodies, and slow answers', async () => {
    const { socket, answer } = await dial();
    for (let round = 0; round < 4; round += 1) {
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc');
      await once(socket, 'data');
      await sleep(120);
    }
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    expect(answer().match(/HTTP\/1.1 200/g)).toHaveLength(5);
    expect(answer()).not.toContain('408');
  });
});
