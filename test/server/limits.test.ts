import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { startServer } from './support.js';

/** More than the kernel takes off our hands while the client reads nothing. */
const HUGE = 24 * 1024 * 1024;

describe('uploads', () => {
  it('are bounded per peer and in all, and come back when they end', async () => {
    const { dial, reader } = await startServer({ uploads: 3, uploadsPerPeer: 2 });
    const huge = reader.put(Buffer.alloc(HUGE));
    const small = reader.put(Buffer.from('x'));
    const stuck = [];
    for (const node of ['a', 'a', 'b']) {
      const client = await dial(node);
      client.socket.pause();
      client.send('GET', `/v1/blob/${huge}`, {});
      stuck.push(client);
      await until('the upload', () => reader.open === stuck.length);
    }
    for (const node of ['a', 'c']) {
      const client = await dial(node);
      const refused = await client.get(`/v1/blob/${small}`);
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect((await client.post('/v1/blobs', { digests: [small] })).status).toBe(503);
      expect((await client.post('/v1/why', { units: [] })).status).toBe(503);
      expect((await client.get('/v1/hello')).status).toBe(200);
    }
    for (const { socket } of stuck) socket.destroy();
    await until('closed handles', () => reader.open === 0);
    expect((await (await dial('a')).get(`/v1/blob/${small}`)).status).toBe(200);
  });

  it('that the peer does not take are given up', async () => {
    const { dial, reader } = await startServer({ stallMs: 500 });
    const client = await dial();
    client.socket.pause();
    client.send('GET', `/v1/blob/${reader.put(Buffer.alloc(HUGE))}`, {});
    await until('the upload', () => reader.open === 1);
    await until('its end', () => reader.open === 0, 6_000);
  });

  it('that cannot be read to their end are cut off, and others go on', async () => {
    const { dial, reader } = await startServer({ uploadsPerPeer: 1 });
    const large = reader.put(randomBytes(3_000_000));
    reader.readable = 1_000_000;
    const cut = await dial('a');
    cut.send('GET', `/v1/blob/${large}`, {});
    await cut.closed;
    expect(reader.open).toBe(0);
    reader.readable = Number.POSITIVE_INFINITY;
    const { status, body } = await (await dial('a')).get(`/v1/blob/${large}`);
    expect([status, body.equals(reader.blobs.get(large) as Buffer)]).toEqual([200, true]);
  });

  it('end cleanly when the server closes', async () => {
    const { server, dial, reader } = await startServer();
    const content = randomBytes(HUGE);
    const [busy, idle] = [await dial('a'), await dial('b')];
    await idle.get('/v1/hello');
    busy.socket.pause();
    busy.send('GET', `/v1/blob/${reader.put(content)}`, {});
    await until('the upload', () => reader.open === 1);
    const closed = server.close();
    await idle.closed;
    busy.socket.resume();
    expect((await busy.reply()).body.equals(content)).toBe(true);
    await closed;
  });
});

describe('connections', () => {
  it('end with 408 when headers never end', async () => {
    const { dial } = await startServer({ headerMs: 300 });
    const client = await dial();
    client.socket.write('GET /v1/hello HTTP/1.1\r\nhost: x\r\n');
    const drip = setInterval(() => client.socket.write('a: b\r\n'), 100);
    expect((await client.reply()).status).toBe(408);
    clearInterval(drip);
    await client.closed;
  });

  it('end with 408 when a body never ends, also after good requests', async () => {
    const { dial } = await startServer({ bodyMs: 300 });
    const client = await dial();
    expect((await client.get('/v1/hello')).status).toBe(200);
    client.send('POST', '/v1/find', {
      'content-type': 'application/json',
      'content-length': '100',
    });
    expect((await client.reply()).status).toBe(408);
    await client.closed;
  });

  it('that ask nothing are closed', async () => {
    const { dial } = await startServer({ idleMs: 300 });
    await (await dial()).closed;
    const used = await dial();
    await used.get('/v1/hello');
    await used.closed;
  });

  it('are so many per peer; an idle one makes room', async () => {
    const { dial } = await startServer({ connectionsPerPeer: 2 });
    const [first, second] = [await dial('a'), await dial('a')];
    await first.get('/v1/hello');
    await second.get('/v1/hello');
    const third = await dial('a');
    expect((await third.get('/v1/hello')).status).toBe(200);
    await first.closed;
    expect((await second.get('/v1/hello')).status).toBe(200);
    expect((await (await dial('b')).get('/v1/hello')).status).toBe(200);
  });

  it('of nodes that are not welcome any more are dropped', async () => {
    const { server, dial } = await startServer();
    const [a, b] = [await dial('a'), await dial('b')];
    await Promise.all([a.get('/v1/hello'), b.get('/v1/hello')]);
    server.retain((node) => node === 'b');
    await a.closed;
    expect((await b.get('/v1/hello')).status).toBe(200);
  });
});
