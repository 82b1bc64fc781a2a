import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/wire/frame.js';
import { always, type Caller, FakeNode, runs } from './fakeNode.js';
import { buildLauncher, DIRECT, DIRECTLY, type Ended, launch, Place } from './support.js';

beforeAll(buildLauncher);

let place: Place;
let run: string;
beforeEach(() => {
  place = new Place();
  run = join(place.home, 'run');
  return () => place[Symbol.dispose]();
});

function sayAndHangUp(caller: Caller, bytes: Buffer): void {
  caller.raw(bytes);
  setTimeout(() => caller.hangUp(), 20);
}

function nested(): Buffer {
  const frame = Buffer.from(`    ${'['.repeat(5000)}${']'.repeat(5000)}`);
  frame.writeUInt32BE(frame.length - 4);
  return frame;
}

describe('a node that breaks off', () => {
  const announced = Buffer.from([0, 0, 1, 0]);
  const before: [string, string, (caller: Caller) => void][] = [
    ['hangs up', 'died', (caller) => caller.hangUp()],
    ['hangs up in the middle of a frame', 'died', (caller) => sayAndHangUp(caller, announced)],
    ['sends no JSON', 'protocol', (caller) => caller.raw(Buffer.from('\0\0\0\u0003{]}'))],
    ['announces too much', 'protocol', (caller) => caller.raw(Buffer.from([255, 0, 0, 0]))],
    ['nests without end', 'protocol', (caller) => caller.raw(nested())],
    ['says what nobody knows', 'protocol', (caller) => caller.raw(encodeFrame({ act: 'sing' }))],
    ['forgets half of it', 'protocol', (caller) => caller.raw(encodeFrame({ act: 'run' }))],
  ];

  it.each(before)('before it decided does not matter: it %s', async (_what, reason, act) => {
    await using _node = await FakeNode.listen(place.home, (_frame, caller) => act(caller));
    expect(await launch(place, DIRECT)).toMatchObject(DIRECTLY);
    expect(place.fallbacks()).toEqual([reason]);
  });

  it('while the compiler runs does not matter either', async () => {
    await using _node = await FakeNode.listen(place.home, (_frame, caller) => {
      caller.reply(runs('sleep 0.1; echo ran; exit 6'));
      setTimeout(() => caller.hangUp(), 30);
    });
    expect(await launch(place, DIRECT)).toMatchObject({ code: 6, stdout: 'ran\n' });
    expect(place.fallbacks()).toEqual(['died']);
  });

  it('because it no longer reads costs two seconds at most', async () => {
    await using _node = await FakeNode.listen(place.home, (_frame, caller) => {
      caller.reply(runs('head -c 3000000 /dev/zero; exit 6'));
      caller.stopReading();
    });
    const ended = await launch(place, DIRECT);
    expect(ended.code).toBe(6);
    expect(ended.ms).toBeGreaterThan(1900);
    expect(ended.ms).toBeLessThan(2800);
    expect(place.fallbacks()).toEqual(['timeout']);
  });
});

describe('a node that is stopped', () => {
  let stopped: ChildProcess | undefined;
  afterEach(() => stopped?.kill('SIGKILL'));

  /** A process with a queue for one caller, stopped before it accepts anybody. */
  async function stopNode(): Promise<void> {
    const options = '{ path: process.argv[1], backlog: 1 }';
    const script = `require("net").createServer().listen(${options}, () => console.log("up"))`;
    const node = spawn(process.execPath, ['-e', script, join(run, 'node.sock')]);
    stopped = node;
    await new Promise((resolve) => node.stdout.once('data', resolve));
    node.kill('SIGSTOP');
  }

  it('is waited for once, whether it queues callers or not, and then left alone', async () => {
    await stopNode();
    const long = [...DIRECT, 'x'.repeat(100_000), 'y'.repeat(100_000), 'z'.repeat(100_000)];
    const first: Promise<Ended>[] = [DIRECT, DIRECT, DIRECT, long].map((call) =>
      launch(place, call),
    );
    for (const ended of await Promise.all(first)) {
      expect(ended).toMatchObject(DIRECTLY);
      expect(ended.ms).toBeGreaterThan(2900);
      expect(ended.ms).toBeLessThan(4000);
    }
    expect(place.fallbacks()).toEqual(['timeout', 'timeout', 'timeout', 'timeout']);

    const next = await launch(place, DIRECT);
    expect(next).toMatchObject(DIRECTLY);
    expect(next.ms).toBeLessThan(1000);
    expect(place.fallbacks().at(-1)).toBe('hung');
  });

  it('is tried again after half a minute, and forgiven when it answers', async () => {
    const marker = join(run, 'hung');
    writeFileSync(marker, '');
    await using node = await FakeNode.listen(place.home, always(runs('echo ran')));
    expect(await launch(place, DIRECT)).toMatchObject(DIRECTLY);
    expect(node.frames).toEqual([]);

    const nowSeconds = Date.now() / 1000;
    for (const seconds of [nowSeconds - 31, nowSeconds + 3600]) {
      writeFileSync(marker, '');
      utimesSync(marker, seconds, seconds);
      expect(await launch(place, DIRECT)).toMatchObject({ code: 0, stdout: 'ran\n' });
      expect(existsSync(marker)).toBe(false);
    }
  });
});
