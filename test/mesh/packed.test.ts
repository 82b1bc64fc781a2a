import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, constants } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  type Compress,
  frameOf,
  PACK_BYTES,
  type Packing,
  pack,
  packingFor,
  packs,
} from '../../src/wire/packed.js';
import { until } from '../harness/programs.js';
import {
  connected,
  digestOf,
  expectNothingLeft,
  type Member,
  makeUnit,
  newMesh,
  type Running,
  startNode,
  startRogue,
  vouchedFor,
  within,
} from './support.js';

/** Like a debug library: half of it is said over and over again. */
const lines = Array.from({ length: 60_000 }, (_, line) => `call ${line % 997} from ${line};\n`);
const code = Buffer.concat([Buffer.from(lines.join('')), randomBytes(500_000)]);
const faultsOf = ({ events }: Running) => events.filter(({ kind }) => kind === 'peer-fault');

describe('content is packed', () => {
  const link = { localAddress: '127.0.0.1', remoteAddress: '127.0.0.2' };
  it.each<[Compress, Packing, Compress, boolean]>([
    ['auto', 'possible', 'auto', false],
    ['always', 'wanted', 'auto', true],
    ['auto', 'possible', 'always', true],
    ['always', 'wanted', 'never', false],
    ['never', undefined, 'always', false],
  ])('on a fast link: caller %s says %s, holder %s: %s', (caller, says, holder, isPacked) => {
    expect(packingFor(link, caller)).toBe(says);
    expect(packs(says, link, holder)).toBe(isPacked);
    expect(packs('anything else', link, holder)).toBe(false);
  });

  it('only as far as that is worth it, and cheap to undo', async () => {
    expect(await pack(randomBytes(PACK_BYTES))).toBeUndefined();
    expect(await pack(Buffer.alloc(PACK_BYTES))).toBeUndefined();
    expect(await pack(Buffer.from('tiny'))).toBeUndefined();
    expect(await pack(Buffer.alloc(0))).toBeUndefined();
    expect((await pack(code.subarray(0, PACK_BYTES)))!.length).toBeLessThan(PACK_BYTES / 2);
  });

  const contents = [
    code,
    randomBytes(3 * PACK_BYTES),
    Buffer.alloc(4 * PACK_BYTES),
    Buffer.from('tiny'),
    Buffer.from('small '.repeat(20_000)),
    Buffer.alloc(0),
  ];
  it.each<[string, Buffer[]]>([
    ['large and small, worth it and not', contents],
    ['nothing but what is small', [Buffer.from('tiny')]],
    ['nothing but chance', [randomBytes(300_000)]],
  ])('and is the same at the other end: %s', async (_, given) => {
    for (const [caller, holder] of [
      ['always', 'auto'],
      ['auto', 'always'],
    ] as const) {
      const [theirs, ours] = (await newMesh(2)) as [Member, Member];
      const other = await startNode(theirs, { config: { compress: holder } });
      const own = await startNode(ours, { config: { peers: [other.address], compress: caller } });
      await connected(own);
      const unit = other.shelf.put(theirs, makeUnit('packed', given));
      const [candidate] = await own.node.find(unit.unitKey, within);
      const fetched = await own.node.fetch(candidate!, unit.need, within);
      for (const bytes of given) {
        expect(readFileSync(fetched!.files.get(digestOf(bytes))!).equals(bytes)).toBe(true);
      }
      expect(faultsOf(own)).toEqual([]);
      await until('closed blobs', () => other.shelf.openHandles === 0);
    }
  });
});

/** A peer that sends a blob as the test says, to whoever wants it packed. */
async function fetchFrom(
  send: (response: ServerResponse, range: string | undefined) => unknown,
  options: { compress?: Compress; honest?: boolean } = {},
) {
  const { compress = 'always', honest = false } = options;
  const members = await newMesh(3);
  const [asker, rogue, other] = members as [Member, Member, Member];
  const unit = makeUnit('streamed', [code]);
  const found = vouchedFor(rogue, unit);
  const address = await startRogue(rogue, (request, response) => {
    if (request.url === '/v1/find') response.end(JSON.stringify({ found: [[found]] }));
    else if (request.url?.startsWith('/v1/blob/')) send(response, request.headers.range);
    else return false;
    return true;
  });
  const peers = [address];
  const second = honest ? await startNode(other) : undefined;
  second?.shelf.put(other, unit);
  if (second) peers.push(second.address);
  const victim = await startNode(asker, { config: { peers, compress } });
  await connected(victim, peers.length);
  const holders = [rogue.key.nodeId, other.key.nodeId];
  const fetched = await victim.node.fetch({ holders }, unit.need, within);
  /** Bytes that were kept of each. */
  const credit = () => {
    const peers = victim.node.peers();
    return holders.map((holder) => peers.find(({ node }) => node === holder)?.bytesIn ?? 0);
  };
  return { victim, fetched, credit };
}

const packed = { 'x-vrift-packed': 'br' };
const framed = (body: Buffer, flag = 0) => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE((flag + body.length) >>> 0);
  return Buffer.concat([head, body]);
};

async function framesOf(bytes: Buffer): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += PACK_BYTES) {
    const content = bytes.subarray(at, at + PACK_BYTES);
    frames.push(frameOf(content, await pack(content)));
  }
  return frames;
}

describe('a packed answer', () => {
  it('that is sound is taken, however it is cut', async () => {
    const all = Buffer.concat(await framesOf(code));
    expect(all.length).toBeLessThan(code.length * 0.7);
    for (const size of [all.length, 70_001, 4_096]) {
      const { fetched } = await fetchFrom((response) => {
        response.writeHead(200, packed);
        for (let at = 0; at < all.length; at += size) response.write(all.subarray(at, at + size));
        response.end();
      });
      expect(readFileSync(fetched!.files.get(digestOf(code))!).equals(code)).toBe(true);
    }
  });

  it('in pieces of one byte takes no longer than its bytes', async () => {
    const all = Buffer.concat(await framesOf(code));
    let began = 0;
    const { fetched } = await fetchFrom((response) => {
      began = performance.now();
      response.writeHead(200, packed);
      for (let at = 0; at < 20_000; at += 1) response.write(all.subarray(at, at + 1));
      response.end(all.subarray(20_000));
    });
    expect(readFileSync(fetched!.files.get(digestOf(code))!).equals(code)).toBe(true);
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('that breaks off is continued by another holder, from where it was', async () => {
    const [first, second] = await framesOf(code);
    const { fetched, victim, credit } = await fetchFrom(
      (response) => {
        response.writeHead(200, packed);
        response.write(Buffer.concat([first!, second!.subarray(0, second!.length - 1)]), () =>
          setTimeout(() => response.destroy(), 100),
        );
      },
      { honest: true },
    );
    expect(readFileSync(fetched!.files.get(digestOf(code))!).equals(code)).toBe(true);
    expect(faultsOf(victim)).toEqual([]);
    expect(credit()).toEqual([PACK_BYTES, code.length - PACK_BYTES]);
  });

  it('that lacks nothing but its end is whole', async () => {
    const all = Buffer.concat(await framesOf(code));
    for (const ending of ['reset', 'silence']) {
      const { fetched, victim, credit } = await fetchFrom(
        (response) => {
          response.writeHead(200, packed);
          response.write(all, () => {
            if (ending === 'reset') setTimeout(() => response.destroy(), 100);
          });
        },
        { honest: true },
      );
      expect(readFileSync(fetched!.files.get(digestOf(code))!).equals(code)).toBe(true);
      expect(faultsOf(victim)).toEqual([]);
      expect(credit()).toEqual([code.length, 0]);
    }
  });

  it('that ends its connection at once is taken, or continued', async () => {
    const frames = await framesOf(code);
    for (const count of [4, frames.length]) {
      const { fetched } = await fetchFrom(
        (response) => {
          response.writeHead(200, { ...packed, connection: 'close' });
          response.write(Buffer.concat(frames.slice(0, count)));
          response.socket?.end();
        },
        { honest: true },
      );
      expect(readFileSync(fetched!.files.get(digestOf(code))!).equals(code)).toBe(true);
    }
  });

  const window = { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } };
  const LIES: Record<string, (frames: Buffer[]) => Buffer[]> = {
    'of 64 MiB in a few dozen bytes': () => [
      framed(brotliCompressSync(Buffer.alloc(64 * 1024 * 1024), window)),
    ],
    'of three thousand bombs': () => {
      const bomb = framed(brotliCompressSync(Buffer.alloc(PACK_BYTES), window));
      return Array.from({ length: 3_000 }, () => bomb);
    },
    'of 64 MiB in enough bytes': () => {
      const noise = randomBytes(100_000);
      const much = Buffer.concat([noise, Buffer.alloc(64 * 1024 * 1024)]);
      return [
        framed(brotliCompressSync(much, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })),
      ];
    },
    'with too little in its first frame': ([first, ...rest]) => [
      framed(code.subarray(0, 1_000), 0x8000_0000),
      first!,
      ...rest,
    ],
    'with more frames than content': (frames) => [...frames, frames.at(-1)!],
    'with other content': ([first, second, ...rest]) => [second!, first!, ...rest],
    'that ends between frames': (frames) => frames.slice(0, -1),
    'that ends within a frame': (frames) => [...frames.slice(0, -1), frames.at(-1)!.subarray(0, 9)],
    'that is none': () => [framed(randomBytes(5_000))],
    'with a frame of two gigabytes': () => [Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
    'with an empty frame': ([first]) => [framed(Buffer.alloc(0)), first!],
  };
  for (const [name, lie] of Object.entries(LIES)) {
    it(`is not taken, and its giver at fault: one ${name}`, async () => {
      const lied = Buffer.concat(lie(await framesOf(code)));
      const before = process.memoryUsage().rss;
      const { victim, fetched } = await fetchFrom((response) => {
        response.writeHead(200, packed).end(lied);
      });
      expect(fetched).toBeUndefined();
      expect(faultsOf(victim)).toMatchObject([{ code: 'VRIFT_PEER_INVALID' }]);
      // Before any of them is undone.
      if (name.includes('bombs')) {
        expect(faultsOf(victim)).toMatchObject([
          { message: expect.stringMatching(/is not 262144 bytes/) },
        ]);
      }
      expectNothingLeft(victim);
      expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    });
  }

  it('is not taken by who asked for none', async () => {
    const frames = await framesOf(code);
    const { victim, fetched } = await fetchFrom(
      (response) => response.writeHead(200, packed).end(Buffer.concat(frames)),
      { compress: 'never' },
    );
    expect(fetched).toBeUndefined();
    expectNothingLeft(victim);
  });
});
