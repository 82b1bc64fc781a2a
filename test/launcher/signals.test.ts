import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { always, FakeNode, runs } from './fakeNode.js';
import { buildLauncher, DIRECT, isRunning, launch, Place, start, until } from './support.js';

beforeAll(buildLauncher);

let place: Place;
beforeEach(() => {
  place = new Place();
  return () => place[Symbol.dispose]();
});

/** Starts a run that sleeps, and returns once its script has written its number. */
async function startSleeping(
  script = 'echo $$ > pid; mv pid ready; exec sleep 30',
  through?: string,
) {
  const node = await FakeNode.listen(place.home, always(runs(script)));
  const launched = start(place, DIRECT, through === undefined ? {} : { through });
  let compiler = 0;
  await until(() => {
    try {
      compiler = Number(readFileSync(join(place.work, 'ready'), 'utf8'));
    } catch {
      return false;
    }
    return true;
  });
  return { node, ...launched, compiler, [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() };
}

describe('a compiler that dies by a signal', () => {
  it.each(['SEGV', 'ABRT', 'KILL', 'TERM', 'INT'])(
    'makes the launcher die of SIG%s',
    async (name) => {
      await using node = await FakeNode.listen(place.home, always(runs(`kill -${name} $$`)));
      const ended = await launch(place, DIRECT);
      expect(ended).toMatchObject({ code: null, signal: `SIG${name}` });
      const { code, signal } = await node.next('ran');
      expect(code).toBeNull();
      expect(signal).toBe({ SEGV: 11, ABRT: 6, KILL: 9, TERM: 15, INT: 2 }[name]);
    },
  );
});

describe('a signal', () => {
  it.each(['SIGTERM', 'SIGHUP'] as const)(
    '%s to the launcher reaches the compiler',
    async (name) => {
      await using run = await startSleeping();
      run.process.kill(name);
      expect(await run.ended).toMatchObject({ code: null, signal: name });
      expect(isRunning(run.compiler)).toBe(false);
      expect((await run.node.next('ran')).code).toBeNull();
    },
  );

  it('that the compiler handles lets it end in its own way', async () => {
    const script = `trap 'echo bye; exit 3' TERM; echo $$ > pid; mv pid ready; while :; do sleep 0.01; done`;
    await using run = await startSleeping(script);
    run.process.kill('SIGTERM');
    expect(await run.ended).toMatchObject({ code: 3, stdout: 'bye\n' });
  });

  it('from the terminal ends both, and the node still hears of it', async () => {
    await using run = await startSleeping(undefined, 'set -m; "$@" & wait $!; exit $?');
    const group = Number(readFileSync(`/proc/${run.compiler}/stat`, 'utf8').split(' ')[4]);
    process.kill(-group, 'SIGINT');
    expect(await run.ended).toMatchObject({ code: 130 });
    expect(await run.node.next('ran')).toMatchObject({ code: null, signal: 2 });
  });

  it('that was ignored from the start stays ignored', async () => {
    const script = 'kill -INT $$ $PPID; kill -HUP $$ $PPID; echo alive';
    await using _node = await FakeNode.listen(place.home, always(runs(script)));
    const through = 'trap "" INT HUP; exec "$@"';
    expect(await launch(place, DIRECT, { through })).toMatchObject({ code: 0, stdout: 'alive\n' });
  });

  it('finds its default in the compiler, whatever the launcher does with it', async () => {
    await using _node = await FakeNode.listen(
      place.home,
      always(runs('exec cat /proc/self/status')),
    );
    const { stdout } = await launch(place, DIRECT);
    expect(stdout).toContain(
      ['SigBlk', 'SigIgn', 'SigCgt'].map((name) => `${name}:\t0000000000000000\n`).join(''),
    );
  });

  it.runIf(process.platform === 'linux')(
    'that cargo blocked or ignored holds nothing up',
    async () => {
      const argv = ['/bin/cat', '/proc/self/status'];
      await using _node = await FakeNode.listen(place.home, always(runs('', { argv })));
      for (const way of ['block', 'ignore']) {
        const through = `exec env --${way}-signal=CHLD "$@"`;
        const ended = await launch(place, DIRECT, { through });
        expect(ended).toMatchObject({ code: 0 });
        const name = way === 'block' ? 'SigBlk' : 'SigIgn';
        expect(ended.stdout).toContain(`${name}:\t0000000000010000\n`);
      }
    },
  );

  it.runIf(process.platform === 'linux')('that kills the launcher leaves no compiler', async () => {
    await using run = await startSleeping();
    run.process.kill('SIGKILL');
    expect(await run.ended).toMatchObject({ signal: 'SIGKILL' });
    await until(() => !isRunning(run.compiler));
  });

  it('ends a launcher that waits for the node', async () => {
    await using node = await FakeNode.listen(place.home, always({ act: 'wait' }));
    const { process, ended } = start(place, DIRECT);
    await node.next('call');
    process.kill('SIGINT');
    expect(await ended).toMatchObject({ signal: 'SIGINT' });
  });
});
