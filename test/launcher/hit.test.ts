import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NodeReply, RestoreOp } from '../../src/wire/launcher.js';
import { always, FakeNode, runs } from './fakeNode.js';
import { buildLauncher, DIRECT, launch, Place } from './support.js';

beforeAll(buildLauncher);

let place: Place;
let blob: (name: string, content: string | Buffer, mode?: number) => string;
let to: (name: string) => string;

beforeEach(() => {
  place = new Place();
  const store = join(place.root, 'store');
  mkdirSync(store);
  blob = (name, content, mode = 0o644) => {
    const path = join(store, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    utimesSync(path, 1_000_000, 1_000_000);
    return path;
  };
  to = (name) => join(place.work, name);
  return () => place[Symbol.dispose]();
});

/** A directory on another file system than the temporary one. */
const elsewhere = ['/dev/shm', '/run/shm'].find(
  (path) => existsSync(path) && statSync(path).dev !== statSync(tmpdir()).dev,
);

function hit(ops: RestoreOp[], stdout = '', stderr = ''): NodeReply {
  return { act: 'hit', ops, stdout, stderr };
}

function describeFile(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs, mode } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs, (mode & 0o7777n).toString(8)].join(':');
}

function opsOfThreeKinds(): RestoreOp[] {
  return [
    { op: 'write', text: 'a.o: caf\u00e9 \udce9\n', to: to('a.d'), mode: 0o644 },
    { op: 'copy', from: blob('bin', 'program', 0o600), to: to('a'), mode: 0o755, size: 7 },
    { op: 'link', from: blob('rlib', 'library'), to: to('liba.rlib'), mode: 0o644, size: 7 },
  ];
}

describe('a hit', () => {
  it('puts every output in place, prints what was printed, and says what it made', async () => {
    const reply = hit(opsOfThreeKinds(), 'out \udcff', '{"x":"\u00e9"}\n');
    await using node = await FakeNode.listen(place.home, always(reply));
    const ended = await launch(place, DIRECT);

    expect(ended).toMatchObject({ code: 0, stdout: 'out \xff', stderr: '{"x":"\xc3\xa9"}\n' });
    expect(readFileSync(to('a.d'), 'latin1')).toBe('a.o: caf\xc3\xa9 \xe9\n');
    expect(readFileSync(to('a'), 'utf8')).toBe('program');
    expect(readFileSync(to('liba.rlib'), 'utf8')).toBe('library');
    const { made } = await node.next('done');
    expect(made).toEqual(['a.d', 'a', 'liba.rlib'].map((name) => describeFile(to(name))));
    expect(readdirSync(place.work).sort()).toEqual(['a', 'a.d', 'liba.rlib']);
  });

  it('makes copies that are new, and leaves the time of a shared file alone', async () => {
    await using _node = await FakeNode.listen(place.home, always(hit(opsOfThreeKinds())));
    const beforeMs = Date.now() - 1000;
    await launch(place, DIRECT);
    expect(statSync(to('a')).mtimeMs).toBeGreaterThan(beforeMs);
    expect(statSync(to('a.d')).mtimeMs).toBeGreaterThan(beforeMs);
    expect(statSync(to('liba.rlib'))).toMatchObject({ mtimeMs: 1_000_000_000, nlink: 2 });
  });

  it('replaces what was there, also a name of the same file, and writes through no link', async () => {
    const ops = opsOfThreeKinds();
    const precious = blob('precious', 'old');
    for (const name of ['a', 'a.d']) linkSync(precious, to(name));
    linkSync(join(place.root, 'store', 'rlib'), to('liba.rlib'));
    await using _node = await FakeNode.listen(place.home, always(hit(ops)));
    expect(await launch(place, DIRECT)).toMatchObject({ code: 0 });

    expect(readFileSync(precious, 'utf8')).toBe('old');
    expect(readFileSync(to('a'), 'utf8')).toBe('program');
    expect(statSync(to('liba.rlib')).nlink).toBe(2);
    expect(readdirSync(place.work).sort()).toEqual(['a', 'a.d', 'liba.rlib']);
  });

  it('honours the umask of the caller, where a shared file could not', async () => {
    await using _node = await FakeNode.listen(place.home, always(hit(opsOfThreeKinds())));
    await launch(place, DIRECT, { through: 'umask 077; exec "$@"' });
    const modes = ['a', 'a.d', 'liba.rlib'].map((name) => statSync(to(name)).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600, 0o600]);
    expect(statSync(to('liba.rlib')).nlink).toBe(1);
  });

  it.runIf(process.getuid?.() === 0)('honours a setgid directory', async () => {
    chownSync(place.work, 0, 4242);
    chmodSync(place.work, 0o2755);
    await using _node = await FakeNode.listen(place.home, always(hit(opsOfThreeKinds())));
    await launch(place, DIRECT);
    const groups = ['a', 'a.d', 'liba.rlib'].map((name) => statSync(to(name)).gid);
    expect(groups).toEqual([4242, 4242, 4242]);
  });

  it.runIf(elsewhere !== undefined)('copies what cannot be shared', async () => {
    const from = join(mkdtempSync(join(elsewhere!, 'vr-')), 'blob');
    writeFileSync(from, 'library');
    const op: RestoreOp = { op: 'link', from, to: to('liba.rlib'), mode: 0o644, size: 7 };
    await using _node = await FakeNode.listen(place.home, always(hit([op])));
    expect(await launch(place, DIRECT)).toMatchObject({ code: 0 });
    expect(readFileSync(to('liba.rlib'), 'utf8')).toBe('library');
    rmSync(dirname(from), { recursive: true });
  });

  it('copies large files whole, and empty ones', async () => {
    const large = Buffer.alloc(5_000_000, 'large file ');
    const ops: RestoreOp[] = [
      { op: 'copy', from: blob('large', large), to: to('large'), mode: 0o644, size: large.length },
      { op: 'copy', from: blob('empty', ''), to: to('empty'), mode: 0o644, size: 0 },
      { op: 'write', text: '', to: to('nothing'), mode: 0o644 },
    ];
    await using _node = await FakeNode.listen(place.home, always(hit(ops)));
    expect(await launch(place, DIRECT)).toMatchObject({ code: 0 });
    expect(readFileSync(to('large')).equals(large)).toBe(true);
    expect([statSync(to('empty')).size, statSync(to('nothing')).size]).toEqual([0, 0]);
  });

  it('copies over a file that a process left behind under the temporary name', async () => {
    const through = 'echo x > .vrift-$$-1.tmp; echo x > .vrift-$$-2.tmp; exec "$@"';
    await using _node = await FakeNode.listen(place.home, always(hit(opsOfThreeKinds())));
    expect(await launch(place, DIRECT, { through })).toMatchObject({ code: 0 });
    expect(readFileSync(to('a'), 'utf8')).toBe('program');
  });

  it('is over even when the node dies as soon as it has answered', async () => {
    await using _node = await FakeNode.listen(place.home, (_frame, caller) => {
      caller.reply(hit(opsOfThreeKinds(), 'out'));
      caller.hangUp();
    });
    expect(await launch(place, DIRECT)).toMatchObject({ code: 0, stdout: 'out' });
    expect(readdirSync(place.work)).toHaveLength(3);
  });
});

function copyOf(from: string, size: number): RestoreOp & { op: 'copy' } {
  return { op: 'copy', from, to: to('last'), mode: 0o644, size };
}

function inTheWay(): string {
  mkdirSync(to('dir/sub'), { recursive: true });
  return to('dir');
}

describe('a hit that cannot be restored', () => {
  const broken: [string, () => RestoreOp][] = [
    ['the source of a copy is gone', () => copyOf('/no/such/blob', 7)],
    ['the source of a link is gone', () => ({ ...copyOf('/no/such/blob', 7), op: 'link' })],
    ['a blob is shorter than announced', () => copyOf(blob('short', 'shor'), 5)],
    ['a shared blob is longer', () => ({ ...copyOf(blob('long', 'longer'), 5), op: 'link' })],
    ['the directory is gone', () => ({ op: 'write', text: '', to: to('no/x'), mode: 0o644 })],
    ['a directory stands in the way', () => ({ ...copyOf(blob('b', 'b'), 1), to: inTheWay() })],
  ];

  it.each(broken)('leaves nothing behind and obeys the next answer: %s', async (_what, op) => {
    const ops = [...opsOfThreeKinds(), op()];
    await using node = await FakeNode.listen(place.home, (frame, caller) => {
      if (frame.kind === 'call') caller.reply(hit(ops, 'never printed'));
      if (frame.kind === 'failed') caller.reply(runs('echo ran; exit 5'));
    });
    expect(await launch(place, DIRECT)).toMatchObject({ code: 5, stdout: 'ran\n' });
    expect((await node.next('failed')).error).toMatch(/last|dir|no\/x/);
    expect((await node.next('ran')).code).toBe(5);
    expect(readdirSync(place.work).filter((name) => name !== 'dir')).toEqual([]);
  });

  it('compiles directly when the node is gone by then, or insists', async () => {
    const reply = hit([...opsOfThreeKinds(), copyOf('/no/such/blob', 1)]);
    await using node = await FakeNode.listen(place.home, (frame, caller) => {
      if (frame.kind === 'failed') caller.hangUp();
      else caller.reply(reply);
    });
    const directly = { code: 7, stdout: 'compiled directly\n' };
    expect(await launch(place, DIRECT)).toMatchObject(directly);
    node.script = (_frame, caller) => caller.reply(reply);
    expect(await launch(place, DIRECT)).toMatchObject(directly);
    expect(place.fallbacks()).toEqual(['restore', 'restore']);
    expect(readdirSync(place.work)).toEqual([]);
  });
});
