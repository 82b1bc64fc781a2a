import { createConnection } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { SocketServer } from '../../src/daemon/lifecycle/socket.js';
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.js';
import { temporaryDir } from '../identity/support.js';
import { callFrames, statsRequest } from './samples.js';
import { always, failsOnlyWith, mutated } from './support.js';

/** The same bytes as they may arrive. */
const cuts = fc.array(fc.nat({ max: 60 }), { maxLength: 12 });
function inPieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...pieces, bytes.subarray(at)];
}

describe('frames', () => {
  const frames = fc.array(fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))));
  always('come back however they are cut', fc.tuple(frames, cuts), ([sent, sizes]) => {
    const decoder = new FrameDecoder();
    const pieces = inPieces(Buffer.concat(sent.map(encodeFrame)), sizes);
    expect(pieces.flatMap((piece) => decoder.push(piece))).toEqual(sent);
  });

  always(
    'of any bytes are JSON, or refused',
    fc.tuple(mutated(callFrames), cuts),
    ([bytes, sizes]) => {
      const decoder = new FrameDecoder(1_000);
      for (const piece of inPieces(bytes, sizes)) {
        if (!failsOnlyWith(['VRIFT_FRAME_INVALID'], () => decoder.push(piece))) break;
      }
    },
  );
});

describe("a node's socket", () => {
  const path = join(temporaryDir(), 's');
  let server: SocketServer;
  let problems: string[] = [];
  beforeAll(async () => {
    server = await SocketServer.listen(path, {
      onCall: async (_frame, channel) => {
        channel.send({ act: 'hit', ops: [], stdout: '', stderr: '' });
        await channel.next();
      },
      onRpc: async () => 'answer',
      onProblem: ({ code }) => void problems.push(code),
    });
  });
  afterAll(() => server.close());

  /** All that comes back until the other side hangs up. */
  const say = (bytes: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = createConnection({ path });
      socket.on('data', (chunk) => void chunks.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => resolve(Buffer.concat(chunks)));
      socket.end(bytes);
    });

  always(
    'answers with frames whatever it hears, and the next one as ever',
    mutated(callFrames),
    async (bytes) => {
      problems = [];
      for (const frame of new FrameDecoder().push(await say(bytes))) {
        expect(Object.keys(frame as object)).toContainEqual(expect.stringMatching(/^(act|kind)$/));
      }
      expect(new Set(problems).size).toBeLessThanOrEqual(1);
      if (problems.length > 0) expect(problems[0]).toBe('VRIFT_FRAME_INVALID');
      expect(new FrameDecoder().push(await say(encodeFrame(statsRequest)))).toEqual([
        { kind: 'result', result: 'answer' },
      ]);
    },
  );
});
