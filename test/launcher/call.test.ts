import { realpathSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toBytes } from '../../src/wire/bytes.js';
import { always, FakeNode } from './fakeNode.js';
import { buildLauncher, DIRECT, launch, Place } from './support.js';

beforeAll(buildLauncher);

let place: Place;
beforeEach(() => {
  place = new Place();
  return () => place[Symbol.dispose]();
});

describe('the call that a node hears of', () => {
  it('is the compiler with its arguments, directory, environment and umask', async () => {
    await using node = await FakeNode.listen(place.home, always({ act: 'pass' }));
    const args = ['', 'two words', 'quote " and \\', 'tab\tand\nline', '日本 🦀'];
    await launch(place, ['/bin/true', ...args], {
      env: { NAME: 'välue = "x"' },
      through: 'umask 027; exec "$@"',
    });

    const call = await node.next('call');
    expect(call).toMatchObject({ kind: 'call', v: 1, umask: 0o027 });
    expect(call.argv).toEqual(['/bin/true', ...args]);
    expect(call.cwd).toBe(realpathSync(place.work));
    expect(call.env).toContain('NAME=välue = "x"');
    expect(call.env).toContain(`VRIFT_HOME=${place.home}`);
    expect(call.pid).toBeGreaterThan(1);
  });

  it('keeps bytes that are no UTF-8', async () => {
    await using node = await FakeNode.listen(place.home, always({ act: 'pass' }));
    await launch(place, ['/bin/true'], {
      through: `export BYTES=$'\\xff\\xc3' ; mkdir -p $'d\\xe9' && cd $'d\\xe9' && exec "$@" $'a\\x80\\xed\\xa0\\x80\\xf0\\x9f\\x98\\x80\\xf0\\x9f'`,
    });

    const call = await node.next('call');
    expect(call.argv[1]).toBe('a\udc80\udced\udca0\udc80😀\udcf0\udc9f');
    expect(toBytes(call.argv[1]!).toString('latin1')).toBe(
      'a\x80\xed\xa0\x80\xf0\x9f\x98\x80\xf0\x9f',
    );
    expect(call.env).toContain('BYTES=\udcff\udcc3');
    expect(call.cwd.endsWith('/d\udce9')).toBe(true);
  });

  it('can be longer than a socket buffer', async () => {
    await using node = await FakeNode.listen(place.home, always({ act: 'pass' }));
    const long = Array.from({ length: 20 }, (_, index) => `${index}${'x'.repeat(100_000)}`);
    expect(await launch(place, ['/bin/true', ...long])).toMatchObject({ code: 0 });
    expect((await node.next('call')).argv.slice(1)).toEqual(long);
  });
});

describe('a call that the node passes', () => {
  it('becomes the compiler, with a note for the reader first', async () => {
    await using _node = await FakeNode.listen(place.home, (frame, caller) => {
      if (frame.kind === 'call') caller.reply({ act: 'wait' });
      caller.reply({ act: 'pass', note: 'vrift: nöt today' });
    });
    const script = 'cat; echo "$0 $1" >&2; exit 3';
    const ended = await launch(place, ['/bin/sh', '-c', script, 'a', 'b c'], { stdin: 'in' });
    expect(ended).toMatchObject({ code: 3, stdout: 'in' });
    expect(Buffer.from(ended.stderr, 'latin1').toString()).toBe('vrift: nöt today\na b c\n');
    expect(place.fallbacks()).toEqual([]);
  });

  it.each(['trap "" PIPE; ', ''])('leaves SIGPIPE as it was: %j', async (before) => {
    await using _node = await FakeNode.listen(place.home, always({ act: 'pass' }));
    const print = ['/bin/grep', 'SigIgn', '/proc/self/status'];
    const ended = await launch(place, print, { through: `${before}exec "$@"` });
    const ignored = Number.parseInt(ended.stdout.split('\t')[1]!, 16);
    expect((ignored & (1 << 12)) !== 0).toBe(before !== '');
  });

  it('fails as a shell would when there is no such compiler', async () => {
    await using _node = await FakeNode.listen(place.home, always({ act: 'pass' }));
    const missing = await launch(place, ['/no/such/rustc', '-vV']);
    expect(missing.code).toBe(127);
    expect(missing.stderr).toMatch(/^error: could not execute `\/no\/such\/rustc`: No such file/);
    expect(await launch(place, [place.work])).toMatchObject({ code: 126 });
  });
});

describe('the command line of the launcher', () => {
  it('names its version', async () => {
    for (const flag of ['--version', '-V']) {
      const ended = await launch(place, [flag]);
      expect(ended).toMatchObject({ code: 0, stdout: 'vrift-rustc 0.1.0\n', stderr: '' });
    }
  });

  it('explains itself when it is called without a compiler', async () => {
    for (const call of [[], ['-vV'], ['']]) {
      const ended = await launch(place, call);
      expect(ended).toMatchObject({ code: 2, stdout: '' });
      expect(ended.stderr).toMatch(/^usage: .*RUSTC_WRAPPER=vrift-rustc\n$/);
    }
  });

  it('asks no node when VRIFT_DISABLE is set', async () => {
    await using node = await FakeNode.listen(place.home, always({ act: 'pass' }));
    for (const value of ['1', 'yes']) {
      const ended = await launch(place, DIRECT, { env: { VRIFT_DISABLE: value } });
      expect(ended).toMatchObject({ code: 7, stdout: 'compiled directly\n' });
    }
    expect(node.frames).toEqual([]);
    for (const value of ['0', '']) await launch(place, DIRECT, { env: { VRIFT_DISABLE: value } });
    expect(node.frames).toHaveLength(2);
    expect(place.fallbacks()).toEqual([]);
  });

  it('works with standard descriptors that are closed', async () => {
    await using node = await FakeNode.listen(place.home, always({ act: 'pass', note: 'note' }));
    const through = 'exec "$@" 0<&- 1>&- 2>&-';
    expect(await launch(place, ['/bin/true'], { through })).toMatchObject({ code: 0 });
    expect(node.frames).toHaveLength(1);
  });
});
