import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildConnector, Pool } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import { download, type Sink } from '../../src/mesh/download.js';
import { digestOf } from './support.js';

const content = Buffer.from('content');

function openSink() {
  const sink = {
    digest: digestOf(content),
    size: content.length,
    written: 0,
    write: (chunk: Uint8Array): void => {
      sink.written += chunk.length;
    },
  };
  return sink satisfies Sink;
}

it('a download that was given up writes nothing, also where its connection comes up only then', async () => {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(200, { 'content-length': content.length }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connect = buildConnector({});
  let letThrough = () => {};
  const through = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  const pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    connections: 1,
    pipelining: 1,
    connect: (options, callback) => void through.then(() => connect(options, callback)),
  });
  onTestFinished(async () => {
    await pool.destroy();
    server.close();
  });
  const { signal } = new AbortController();
  const [first, second] = [openSink(), openSink()];
  const stalled = download(pool, '/', first, { stallMs: 20, signal });
  await expect(stalled).rejects.toThrow('no bytes for 20 ms');
  const whole = download(pool, '/', second, { stallMs: 10_000, signal });
  letThrough();
  await whole;
  expect([first.written, second.written]).toEqual([0, content.length]);
  expect(requests).toBe(1);
});
