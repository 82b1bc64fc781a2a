import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeFrame } from '../../src/wire/frame.js';
import { ALPN_JOIN } from '../../src/wire/join.js';
import { callFrames, statsRequest } from '../fuzz/samples.js';
import { mutated, seed } from '../fuzz/support.js';
import { newNode } from '../identity/support.js';
import { outside, said } from './support.js';

const some = (samples: readonly Buffer[], numRuns: number): Buffer[] =>
  fc.sample(mutated(samples), { seed, numRuns });

/** So many at a time: each waits for an end that may not come. */
async function sayAll(
  all: readonly Buffer[],
  dial: () => Socket,
  check: (answer: string, said: Buffer) => void,
): Promise<{ answers: number }> {
  const rest = [...all];
  let answers = 0;
  const worker = async () => {
    for (let bytes = rest.pop(); bytes !== undefined; bytes = rest.pop()) {
      const answer = await said(dial(), bytes, 500);
      if (answer !== '') answers += 1;
      check(answer, bytes);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return { answers };
}

const digest = 'ab'.repeat(32);
const post = (path: string, value: unknown) => {
  const body = JSON.stringify(value);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nX-Vrift-Pack: wanted\r\n\r\n${body}`,
  );
};
const get = (path: string, headers = '') =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
const REQUESTS = [
  get('/v1/hello', 'X-Vrift-Port: 7391\r\n'),
  get('/v1/roster'),
  post('/v1/find', { unitKeys: [digest] }),
  post('/v1/why', { units: ['/vr/ws|x||rlib|debug'] }),
  post('/v1/better', { results: [[digest, 'plain', digest]] }),
  post('/v1/next', { unitKey: digest }),
  post('/v1/blobs', { digests: [digest] }),
  get(`/v1/blob/${digest}`, 'Range: bytes=5-9\r\nX-Vrift-Pack: possible\r\n'),
];
const STATUS = /^(200|206|40[0-9]|41[0-9]|417|431|503|505)$/;

/** Beside the parsers' own fuzz tests (test/fuzz): the same against the whole node. */
outside(
  `bytes that are nearly right, seed ${seed},`,
  (at) => {
    it('in the mesh’s HTTP, from a member, are answered or refused', async () => {
      await at.office.unharmed(async () => {
        const dial = () => at.office.dial(at.office.mallory.key);
        const requests = [...REQUESTS, ...some(REQUESTS, 300)];
        const seen = new Set<string>();
        const { answers } = await sayAll(requests, dial, (answer, request) => {
          for (const [, status = ''] of answer.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
            expect(status, request.toString('latin1')).toMatch(STATUS);
            seen.add(status);
          }
        });
        expect(answers).toBeGreaterThan(100);
        expect([...seen]).toEqual(expect.arrayContaining(['200', '400']));
      });
    }, 60_000);

    it('in the join protocol, from anybody, let nobody in', async () => {
      const { alice, founder } = at.office;
      const mesh = founder.membership.meshId;
      const commit = Buffer.alloc(32).toString('base64');
      const frames = [
        { kind: 'ask', v: 1 },
        { kind: 'knock', v: 1, mesh, name: 'eve', commit },
        { kind: 'token', v: 1, mesh, name: 'eve', proof: commit },
      ].map(encodeFrame);
      const before = await alice.vriftJson(['mesh', 'members']);
      const { key } = await newNode();
      await at.office.unharmed(async () => {
        const dial = () => at.office.dial(key, { ALPNProtocols: [ALPN_JOIN] });
        const all = [...frames, ...some(frames, 300)];
        const { answers } = await sayAll(all, dial, (answer) => {
          expect(answer).not.toContain('welcome');
        });
        expect(answers).toBeGreaterThan(20);
        expect(await alice.vriftJson(['mesh', 'members'])).toEqual(before);
      });
    }, 60_000);

    it('on the node’s own socket harm nobody’s build', async () => {
      const { alice } = at.office;
      const path = join(alice.vriftHome, 'run', 'node.sock');
      await at.office.unharmed(async () => {
        const dial = () => {
          const socket = createConnection({ path });
          socket.on('error', () => {});
          return socket;
        };
        const { answers } = await sayAll([...callFrames, ...some(callFrames, 300)], dial, () => {});
        expect(answers).toBeGreaterThan(50);
        expect(await said(dial(), encodeFrame(statsRequest), 2_000)).toContain('"kind":"result"');
      });
    }, 60_000);
  },
  { holds: true },
);
