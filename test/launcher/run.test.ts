import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { always, FakeNode, runs } from './fakeNode.js';
import { buildLauncher, DIRECT, launch, Place, start, until } from './support.js';

beforeAll(buildLauncher);

let place: Place;
beforeEach(() => {
  place = new Place();
  return () => place[Symbol.dispose]();
});

describe('a run that the node asked for', () => {
  it('has the stdin, environment and directory of the call, and its exit code', async () => {
    const script = 'cat; echo "$NAME $PWD $(umask)"; exit 101';
    await using node = await FakeNode.listen(place.home, always(runs(script)));
    const ended = await launch(place, DIRECT, {
      stdin: 'from stdin\n',
      env: { NAME: 'väl' },
      through: 'umask 027; exec "$@"',
    });
    expect(ended.code).toBe(101);
    expect(Buffer.from(ended.stdout, 'latin1').toString()).toBe(
      `from stdin\nväl ${place.work} 0027\n`,
    );
    expect(await node.next('ran')).toMatchObject({ code: 101, signal: null });
  });

  it('is reported with what it printed, what it made and how long it took', async () => {
    const [made, none, folder] = ['made', 'none', 'folder'].map((name) => join(place.work, name));
    const script = `printf 'a\\377\\n"\\\\'; printf 'e\\303\\0' >&2; echo content > made; sleep 0.05`;
    const reply = runs(script, { stat: [made!, none!, folder!], mkdirs: [join(folder!, 'deep')] });
    await using node = await FakeNode.listen(place.home, always(reply));
    const beforeMs = Date.now();
    const ended = await launch(place, DIRECT);

    expect(ended).toMatchObject({ code: 0, stdout: 'a\xff\n"\\', stderr: 'e\xc3\0' });
    const report = await node.next('ran');
    expect(report).toMatchObject({ stdout: 'a\udcff\n"\\', stderr: 'e\udcc3\0' });
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(made!, { bigint: true });
    expect(report.made).toEqual([[dev, ino, size, mtimeNs, ctimeNs, '644'].join(':'), null, null]);
    expect(report.ms).toBeGreaterThanOrEqual(50);
    expect(report.ms).toBeLessThan(2000);
    const startedMs = Number(BigInt(report.startedNs) / 1_000_000n);
    expect(startedMs).toBeGreaterThanOrEqual(beforeMs);
    expect(startedMs).toBeLessThanOrEqual(statSync(made!).mtimeMs + 10);
    expect(existsSync(join(folder!, 'deep'))).toBe(true);
    expect(report).not.toHaveProperty('truncated');
  });

  it('shows each line of stderr as soon as it is there', async () => {
    const script = `echo '{"line":1}' >&2; printf 'no newline' >&2; until [ -e go ]; do sleep 0.01; done; echo end >&2`;
    const unmap: [string, string][] = [['/vr/x', '/real']];
    await using _node = await FakeNode.listen(place.home, always(runs(script, { unmap })));
    const { process, ended } = start(place, DIRECT);
    let seen = '';
    process.stderr.on('data', (text) => {
      seen += text;
    });
    await until(() => seen === '{"line":1}\nno newline');
    start(place, ['/bin/sh', '-c', 'touch go'], { env: { VRIFT_DISABLE: '1' } });
    expect((await ended).stderr).toBe('{"line":1}\nno newlineend\n');
  });

  it('passes on more than it keeps, and says that it did not keep all', async () => {
    const script = `head -c 20000000 /dev/zero | tr '\\0' 'x'; head -c 300000 /dev/zero | tr '\\0' '\\n' >&2`;
    await using node = await FakeNode.listen(place.home, always(runs(script)));
    const ended = await launch(place, DIRECT);
    expect([ended.stdout.length, ended.stderr.length]).toEqual([20_000_000, 300_000]);
    const report = await node.next('ran');
    expect(report).toMatchObject({ truncated: true });
    expect([report.stdout.length, report.stderr.length]).toEqual([16 * 1024 * 1024, 300_000]);
  });

  it('fits a frame even when every byte needs an escape', async () => {
    const script = `head -c 12000000 /dev/zero | tr '\\0' '\\377'`;
    await using node = await FakeNode.listen(place.home, always(runs(script)));
    await launch(place, DIRECT);
    expect(await node.next('ran')).toMatchObject({ code: 0, stdout: '', truncated: true });
  });

  it('hands on descriptors that cargo opened, and none of its own', async () => {
    const script = 'read -r token <&8; echo "$token"; ls -l /proc/$$/fd | grep -c socket:';
    await using _node = await FakeNode.listen(place.home, always(runs(script)));
    const through = 'exec 8< <(echo jobserver token); exec "$@" < /dev/null';
    expect((await launch(place, DIRECT, { through })).stdout).toBe('jobserver token\n0\n');
  });

  it('is not held up by a descendant that keeps a pipe open', async () => {
    const script = 'sleep 30 & echo $! > pid; echo done; exit 4';
    await using node = await FakeNode.listen(place.home, always(runs(script)));
    const ended = launch(place, DIRECT);
    expect(await node.next('ran')).toMatchObject({ code: 4, stdout: 'done\n' });
    process.kill(Number(readFileSync(join(place.work, 'pid'), 'utf8')));
    expect((await ended).ms).toBeLessThan(2500);
  });

  it('waits for a compiler that closed its streams', async () => {
    const script = 'exec >&- 2>&-; sleep 0.2; exit 9';
    await using _node = await FakeNode.listen(place.home, always(runs(script)));
    const ended = await launch(place, DIRECT);
    expect(ended).toMatchObject({ code: 9 });
    expect(ended.ms).toBeGreaterThan(200);
  });

  it('ends only when the node has what it needs, if the node asks for that', async () => {
    let keptMs = Number.POSITIVE_INFINITY;
    await using _node = await FakeNode.listen(place.home, async (frame, caller) => {
      if (frame.kind === 'call') caller.reply(runs('exit 3', { ackMs: 2000 }));
      if (frame.kind !== 'ran') return;
      caller.reply({ act: 'wait' });
      await sleep(300);
      keptMs = performance.now();
      caller.reply({ act: 'kept' });
    });
    expect(await launch(place, DIRECT)).toMatchObject({ code: 3 });
    expect(performance.now()).toBeGreaterThan(keptMs);
  });

  it('does not wait for a node that says nothing more, or has gone', async () => {
    await using node = await FakeNode.listen(place.home, always(runs('exit 3', { ackMs: 300 })));
    const silent = await launch(place, DIRECT);
    expect(silent).toMatchObject({ code: 3 });
    expect(silent.ms).toBeGreaterThan(300);
    expect(silent.ms).toBeLessThan(800);
    node.script = (frame, caller) => {
      if (frame.kind === 'ran') caller.hangUp();
      else caller.reply(runs('exit 3', { ackMs: 2000 }));
    };
    expect((await launch(place, DIRECT)).ms).toBeLessThan(800);
  });

  it('comes after as many signs of life as the node likes to send', async () => {
    await using _node = await FakeNode.listen(place.home, async (frame, caller) => {
      if (frame.kind !== 'call') return;
      for (let beat = 0; beat < 8; beat += 1) {
        caller.reply({ act: 'wait' });
        await sleep(500);
      }
      caller.reply(runs('echo ran'));
    });
    const ended = await launch(place, DIRECT);
    expect(ended).toMatchObject({ code: 0, stdout: 'ran\n' });
    expect(ended.ms).toBeGreaterThan(4000);
  });
});

describe('a run that cannot be started', () => {
  it.each([
    ['its program is missing', { argv: ['/no/such/compiler'] }],
    ['its directories cannot be made', { mkdirs: ['/dev/null/no'] }],
    ['its command line is too long', { argv: ['/bin/true', 'x'.repeat(3_000_000)] }],
    ['an argument holds a zero byte', { argv: ['/bin/true', 'a\0b'] }],
  ])('is the original call instead: %s', async (_why, extra) => {
    await using _node = await FakeNode.listen(place.home, always(runs('echo ran', extra)));
    const ended = await launch(place, DIRECT);
    expect(ended).toMatchObject({ code: 7, stdout: 'compiled directly\n', stderr: '' });
    expect(place.fallbacks()).toEqual(['spawn']);
  });
});
