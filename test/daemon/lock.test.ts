import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NodeLock } from '../../src/daemon/lifecycle/lock.js';
import { startTimeOf, thisProcess } from '../../src/daemon/lifecycle/process.js';
import { FakePackage } from './package.js';

let vrift: FakePackage;
let directory: string;
let file: string;

beforeAll(() => {
  vrift = FakePackage.build();
  directory = mkdtempSync(join(tmpdir(), 'vrift-lock-'));
  file = join(directory, 'lock');
});
beforeEach(() => {
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  vrift[Symbol.dispose]();
});

/** A lock as its owner would have written it, had it been this process with some differences. */
function leave(change: object): void {
  writeFileSync(file, JSON.stringify({ ...thisProcess(), id: '0123456789abcdef', ...change }));
}

const owner = () => JSON.parse(readFileSync(file, 'utf8')) as { id: string; pid: number };

describe('a lock', () => {
  it('is held by one, and is free again afterwards', async () => {
    const first = await NodeLock.acquire(file);
    await expect(NodeLock.acquire(file)).rejects.toMatchObject({
      code: 'VRIFT_NODE_RUNNING',
      message: `a node runs already (pid ${process.pid})`,
    });
    expect(readdirSync(directory)).toEqual(['lock']);
    first.release();
    expect(readdirSync(directory)).toEqual([]);
    (await NodeLock.acquire(file)).release();
  });

  it('is not let go of by one who has lost it', async () => {
    const first = await NodeLock.acquire(file);
    leave({ id: 'fedcba9876543210' });
    first.release();
    expect(owner().id).toBe('fedcba9876543210');
  });

  it.each([
    ['whose process is gone', { pid: 2 ** 22 + 1 }],
    ['whose pid belongs to another process by now', { start: '1' }],
    ['from before the machine was restarted', { boot: 'an earlier one', start: '1' }],
  ])('is taken from an owner %s', async (_, change) => {
    leave(change);
    const lock = await NodeLock.acquire(file);
    expect(owner().pid).toBe(process.pid);
    expect(readdirSync(directory)).toEqual(['lock']);
    lock.release();
  });

  it.each(['', '{"id":', 'null', '{"id":"../../x","pid":1,"start":"","boot":"","space":""}'])(
    'is taken over when a power cut left it as %j',
    async (text) => {
      writeFileSync(file, text);
      (await NodeLock.acquire(file)).release();
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  it('is judged by the socket where the owner lives in another container', async () => {
    leave({ space: 'pid:[1]', pid: 2 ** 22 + 1 });
    const answers = async () => true;
    await expect(NodeLock.acquire(file, { answers })).rejects.toThrow('a node runs already');
    (await NodeLock.acquire(file, { answers: async () => false })).release();
  });

  it('is believed when its owner lives on another machine', async () => {
    if (thisProcess().machine === '') return;
    leave({ boot: 'another', machine: 'another', host: 'attic', pid: 7 });
    await expect(NodeLock.acquire(file)).rejects.toThrow('pid 7 on attic');
  });

  it('is free when a breaker was killed while it broke the lock of the dead', async () => {
    leave({ start: '1' });
    const breaker = { ...thisProcess(), start: '1', id: 'aaaaaaaaaaaaaaaa' };
    writeFileSync(`${file}.0123456789abcdef`, JSON.stringify(breaker));
    (await NodeLock.acquire(file)).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('never has two holders, whoever dies while holding it', async () => {
    const script = join(vrift.root, 'racer.mjs');
    writeFileSync(script, RACER);
    const racers = Array.from({ length: 6 }, (_, number) =>
      fork(script, [file, join(directory, 'inside'), String(number)], { stdio: 'inherit' }),
    );
    const ends = await Promise.all(racers.map((racer) => once(racer, 'exit')));
    // Each either ended after its rounds, or killed itself as it should.
    for (const [code, signal] of ends) expect([code === 0, signal === 'SIGKILL']).toContain(true);
    expect(ends.filter(([, signal]) => signal === 'SIGKILL').length).toBe(3);
    (await NodeLock.acquire(file)).release();
  }, 30_000);
});

/** Takes the lock twenty times; odd ones die holding it in the middle. Exit 1: not alone inside. */
const RACER = `
import { rmSync, writeFileSync } from 'node:fs';
import { NodeLock } from './dist/daemon/lifecycle/lock.js';

const [file, inside, number] = process.argv.slice(2);
for (let taken = 0; taken < 20; ) {
  let lock;
  try {
    lock = await NodeLock.acquire(file);
  } catch (error) {
    if (error.code !== 'VRIFT_NODE_RUNNING') { console.error(error); process.exit(1); }
    continue;
  }
  taken += 1;
  try {
    writeFileSync(inside, number, { flag: 'wx' });
  } catch { console.error('two holders'); process.exit(1); }
  await new Promise((resolve) => setTimeout(resolve, 1));
  rmSync(inside);
  if (number % 2 === 1 && taken === 10) process.kill(process.pid, 'SIGKILL');
  lock.release();
}
`;

it('knows a process by its start, and none that has ended', async () => {
  expect(startTimeOf(process.pid)).toBe(thisProcess().start);
  expect(startTimeOf(2 ** 22 + 1)).toBeUndefined();
});
