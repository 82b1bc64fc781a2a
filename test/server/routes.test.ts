import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeBlocks } from '../../src/wire/blocks.js';
import {
  checkFindReply,
  checkHello,
  checkWhyReply,
  type ToldOutcome,
} from '../../src/wire/http.js';
import { unpack } from '../../src/wire/packed.js';
import { until } from '../harness/programs.js';
import { makeUnit } from '../mesh/support.js';
import { digestOf, startServer } from './support.js';

describe('a member may ask', () => {
  it('who is there, and say where it listens itself', async () => {
    const { dial, callers } = await startServer();
    const client = await dial('bob');
    const { body } = await client.get('/v1/hello', { 'x-vrift-port': '7391' });
    expect(checkHello(JSON.parse(body.toString()))).toMatchObject({
      ok: true,
      value: { name: 'attic', results: 0 },
    });
    expect(callers).toEqual([['bob', '127.0.0.1', 7391]]);
    await client.get('/v1/hello', { 'x-vrift-port': '99999' });
    expect(callers).toHaveLength(1);
  });

  it('for the roster', async () => {
    const { dial } = await startServer();
    const { body } = await (await dial('bob')).get('/v1/roster');
    expect(decodeBlocks(body, 9)?.map(String)).toEqual(['one', 'for bob']);
  });

  it('for results, and gets none that stay on this machine', async () => {
    const { dial, reader } = await startServer();
    const unit = makeUnit('a', [Buffer.from('x')]);
    const warm = makeUnit('a', [Buffer.from('y')], { class: 'warm' });
    const found = [warm, unit].map(({ manifest, result }) => ({
      manifest,
      result,
      attestations: [],
    }));
    reader.found.set(unit.unitKey, found);
    const unitKeys = [digestOf('unknown'), unit.unitKey];
    const { body } = await (await dial()).post('/v1/find', { unitKeys });
    const reply = checkFindReply(JSON.parse(body.toString()));
    expect(reply).toEqual({ ok: true, value: { found: [[], [found[1]]] } });
  });

  it('what it used after a unit', async () => {
    const { dial, reader } = await startServer();
    const keys = Array.from({ length: 300 }, (_each, at) => digestOf(`${at}`));
    reader.after.set(digestOf('first'), keys);
    const client = await dial();
    const { body } = await client.post('/v1/next', { unitKey: digestOf('first') });
    expect(JSON.parse(body.toString())).toEqual({ unitKeys: keys.slice(0, 256) });
    const none = await client.post('/v1/next', { unitKey: digestOf('other') });
    expect(JSON.parse(none.body.toString())).toEqual({ unitKeys: [] });
    expect((await client.post('/v1/next', { unitKey: 'x' })).status).toBe(400);
    expect((await client.post('/v1/next', { unitKeys: keys })).status).toBe(400);
  });

  it('which of its results others are preferred to', async () => {
    const { dial, reader } = await startServer();
    const standings = Array.from({ length: 256 }, (_each, at) => [
      digestOf(`${at}`),
      'incremental',
      digestOf('mine'),
    ]);
    for (const at of [3, 255]) reader.better.add(digestOf(`${at}`));
    const client = await dial();
    const { body } = await client.post('/v1/better', { results: standings });
    expect(JSON.parse(body.toString())).toEqual({ better: [3, 255] });
    const tooMany = [...standings, standings[0]];
    expect((await client.post('/v1/better', { results: tooMany })).status).toBe(400);
    expect((await client.post('/v1/better', { results: [['x', 'plain', 'y']] })).status).toBe(400);
  });

  it('for results, within bounds', async () => {
    const { dial, reader } = await startServer();
    const { unitKey, manifest, result } = makeUnit('a', [Buffer.from('x')]);
    const one = { manifest, result, attestations: [] };
    reader.found.set(
      unitKey,
      Array.from({ length: 100 }, () => one),
    );
    const few = await (await dial()).post('/v1/find', { unitKeys: [unitKey] });
    expect(JSON.parse(few.body.toString()).found[0]).toHaveLength(16);
    const inputs = Array.from({ length: 19_000 }, (_each, index): [string, typeof unitKey] => [
      `./src/${index}.rs`,
      unitKey,
    ]);
    const big = { ...one, manifest: { ...manifest, inputs } };
    reader.found.set(
      unitKey,
      Array.from({ length: 16 }, () => big),
    );
    const many = await (await dial()).post('/v1/find', { unitKeys: [unitKey] });
    expect(many.body.length).toBeLessThan(8 * 1024 * 1024);
    expect(checkFindReply(JSON.parse(many.body.toString())).ok).toBe(true);
  });

  it('how units came to be, within bounds', async () => {
    const { dial, reader } = await startServer();
    const named = Array.from({ length: 8_000 }, (_each, index): [string, string] => [
      `dependency d${index}`,
      digestOf(String(index)),
    ]);
    const one: ToldOutcome = {
      key: digestOf('key'),
      at: 1,
      outcome: 'miss',
      from: 'stored',
      local: ['foreign dependency: libx.rlib'],
      facts: { words: ['--edition=2021'], named: [['toolchain', digestOf('t')]] },
    };
    reader.told.set('a', [one]);
    reader.told.set(
      'big',
      Array.from({ length: 9 }, () => ({ ...one, facts: { words: [], named } })),
    );
    const client = await dial();
    const few = JSON.parse((await client.post('/v1/why', { units: ['x', 'a'] })).body.toString());
    expect(checkWhyReply(few)).toEqual({ ok: true, value: { units: [[], [one]] } });
    const units = ['big', 'big', 'big', 'a'];
    const { body } = await client.post('/v1/why', { units });
    expect(body.length).toBeLessThan(4 * 1024 * 1024);
    const many = JSON.parse(body.toString());
    expect(checkWhyReply(many).ok).toBe(true);
    expect(many.units.map((list: unknown[]) => list.length)).toEqual([4, 1, 0, 0]);
    expect((await client.post('/v1/why', { units: Array(33).fill('a') })).status).toBe(400);
    expect((await client.post('/v1/why', { units: ['a'.repeat(601)] })).status).toBe(400);
  });

  it('for blobs, one by one or together', async () => {
    const { dial, reader, sent } = await startServer();
    const large = reader.put(randomBytes(700_000));
    const small = reader.put(Buffer.from('small'));
    const empty = reader.put(Buffer.alloc(0));
    const client = await dial('bob');
    const whole = await client.get(`/v1/blob/${large}`);
    expect(whole.status).toBe(200);
    expect(digestOf(whole.body)).toBe(large);
    const digests = [small, digestOf('unknown'), empty, large];
    const { body } = await client.post('/v1/blobs', { digests });
    const blocks = decodeBlocks(body, 4);
    expect(blocks?.map((block) => block && digestOf(block))).toEqual([
      small,
      undefined,
      empty,
      large,
    ]);
    expect(sent.get('bob')).toBe(1_400_005);
    expect((await client.get(`/v1/blob/${empty}`)).body).toHaveLength(0);
    await until('closed handles', () => reader.open === 0);
  });

  it('for blobs in fewer bytes', async () => {
    const { dial, reader, sent } = await startServer();
    const lines = Array.from(
      { length: 30_000 },
      (_each, line) => `call ${line % 997} of ${line};\n`,
    );
    const content = Buffer.from(lines.join(''));
    const digest = reader.put(content);
    const client = await dial('bob');
    const asked = JSON.stringify({ digests: [digest] });
    const headers = {
      'content-type': 'application/json',
      'content-length': String(asked.length),
      'x-vrift-pack': 'wanted',
    };
    client.send('POST', '/v1/blobs', headers, asked);
    const together = await client.reply();
    expect(together.headers.get('x-vrift-packed')).toBe('br');
    expect(together.body.length).toBeLessThan(content.length / 2);
    const blocks = decodeBlocks(unpack(together.body, content.length + 4)!, 1);
    expect(blocks?.[0]?.equals(content)).toBe(true);
    // On loopback nobody packs what may be packed.
    const plain = await client.get(`/v1/blob/${digest}`, { 'x-vrift-pack': 'possible' });
    expect(plain.headers.has('x-vrift-packed')).toBe(false);
    expect(plain.body.equals(content)).toBe(true);
    const got = client.get(`/v1/blob/${digest}`, {
      'x-vrift-pack': 'wanted',
      range: 'bytes=400000-',
      connection: 'close',
    });
    const { status, headers: said } = await got;
    expect(status).toBe(206);
    expect(said.get('content-range')).toBe(`bytes 400000-${content.length - 1}/${content.length}`);
    expect([said.get('x-vrift-packed'), said.has('content-length')]).toEqual(['br', false]);
    await until('closed handles', () => reader.open === 0);
    expect(sent.get('bob')).toBe(3 * content.length - 400_000);
  });

  it('for no more than a megabyte of blobs together', async () => {
    const { dial, reader } = await startServer();
    const digests = [1, 2].map(() => reader.put(randomBytes(600_000)));
    const { body } = await (await dial()).post('/v1/blobs', { digests });
    expect(decodeBlocks(body, 2)?.map((block) => block?.length)).toEqual([600_000, undefined]);
  });

  it.each([
    ['bytes=600-', 206, 400, 'bytes 600-999/1000'],
    ['bytes=0-9', 206, 10, 'bytes 0-9/1000'],
    ['bytes=990-5000', 206, 10, 'bytes 990-999/1000'],
    ['bytes=1000-', 416, 0, 'bytes */1000'],
    ['bytes=5-4', 416, 0, 'bytes */1000'],
    ['bytes=-5', 416, 0, 'bytes */1000'],
  ])('for a part of a blob: %s', async (range, status, length, contentRange) => {
    const { dial, reader } = await startServer();
    const content = randomBytes(1000);
    const reply = await (await dial()).get(`/v1/blob/${reader.put(content)}`, { range });
    expect(reply.status).toBe(status);
    expect(reply.body).toHaveLength(length);
    expect(reply.headers.get('content-range')).toBe(contentRange);
    const start = Number(/\d+/.exec(contentRange)?.[0] ?? 0);
    if (status === 206)
      expect(reply.body.equals(content.subarray(start, start + length))).toBe(true);
    expect(reader.open).toBe(0);
  });
});

describe('a member may not', () => {
  it.each([
    ['GET', '/v1/blob/../../etc/passwd', 404],
    ['GET', '/v1/blob/%2e%2e%2fetc', 400],
    ['GET', `/v1/blob/${'A'.repeat(64)}`, 400],
    ['GET', `/v1/blob/${'0'.repeat(64)}`, 404],
    ['PUT', `/v1/blob/${'0'.repeat(64)}`, 404],
    ['DELETE', '/v1/roster', 404],
    ['POST', '/v1/roster', 404],
    ['GET', '/', 404],
  ])('%s %s', async (method, path, status) => {
    const { dial } = await startServer();
    const client = await dial();
    client.send(method, path, { 'content-length': '0' });
    expect((await client.reply()).status).toBe(status);
  });

  it.each([
    [{ unitKeys: Array(257).fill(digestOf('x')) }],
    [{ unitKeys: ['x'] }],
    [{ unitKeys: [], more: 1 }],
    [{}],
    [[]],
    [null],
    ['text'],
  ])('ask for results in another shape (%#)', async (value) => {
    const { dial } = await startServer();
    expect((await (await dial()).post('/v1/find', value)).status).toBe(400);
    expect((await (await dial()).post('/v1/blobs', value)).status).toBe(400);
  });

  it('send bodies or headers without bounds', async () => {
    const { dial } = await startServer();
    const body = await (await dial()).post('/v1/find', { unitKeys: ['x'.repeat(70_000)] });
    expect(body.status).toBe(413);
    const headers = await (await dial()).get('/v1/hello', { cookie: 'x'.repeat(9_000) });
    expect(headers.status).toBe(431);
  });
});
