import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { always, FakeNode, runs } from './fakeNode.js';
import { buildLauncher, DIRECT, DIRECTLY, launch, Place } from './support.js';

beforeAll(buildLauncher);

let place: Place;
let run: string;
beforeEach(() => {
  place = new Place();
  run = join(place.home, 'run');
  return () => place[Symbol.dispose]();
});

describe('without a node', () => {
  it('the compiler runs at once, and a line says why', async () => {
    const ended = await launch(place, DIRECT);
    expect(ended).toMatchObject(DIRECTLY);
    expect(ended.ms).toBeLessThan(1000);
    expect(place.fallbacks()).toEqual(['no-node']);
  });

  it('a socket that a dead node left behind is the same as none', async () => {
    const script = 'require("net").createServer().listen(process.argv[1], () => process.exit())';
    const dead = spawn(process.execPath, ['-e', script, join(run, 'node.sock')]);
    await new Promise((resolve) => dead.on('close', resolve));
    expect(existsSync(join(run, 'node.sock'))).toBe(true);
    expect(await launch(place, DIRECT)).toMatchObject(DIRECTLY);
    expect(place.fallbacks()).toEqual(['no-node']);
  });

  it('nothing is written where no home is', async () => {
    rmSync(place.home, { recursive: true });
    const empty = { VRIFT_HOME: '', HOME: '' };
    for (const env of [{}, empty, { VRIFT_HOME: 'home' }, { VRIFT_HOME: '', HOME: place.root }]) {
      expect(await launch(place, DIRECT, { env })).toMatchObject(DIRECTLY);
    }
    expect(existsSync(place.home)).toBe(false);
    expect(existsSync(join(place.root, '.vrift'))).toBe(false);
  });

  it('a working directory that is gone is a matter for the compiler', async () => {
    await using node = await FakeNode.listen(place.home, always(runs('echo ran')));
    const through = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
    expect(await launch(place, DIRECT, { through })).toMatchObject({ code: 7 });
    expect(node.frames).toEqual([]);
    expect(place.fallbacks()).toEqual(['no-cwd']);
  });

  it('the list of reasons stays small, and a damaged one harms nobody', async () => {
    const list = join(run, 'fallbacks');
    writeFileSync(list, 'x'.repeat(64 * 1024));
    expect(await launch(place, DIRECT)).toMatchObject(DIRECTLY);
    expect(statSync(list).size).toBe(64 * 1024);
    rmSync(list);
    symlinkSync('/nowhere/list', list);
    expect(await launch(place, DIRECT)).toMatchObject(DIRECTLY);
    rmSync(list);
    mkdirSync(list);
    expect(await launch(place, DIRECT)).toMatchObject(DIRECTLY);
  });

  it('of $HOME/.vrift, or a home behind a symlink, nothing changes', async () => {
    renameSync(place.home, join(place.root, 'elsewhere'));
    symlinkSync('elsewhere', join(place.root, '.vrift'));
    await using node = await FakeNode.listen(join(place.root, '.vrift'), always(runs('echo ran')));
    const env = { VRIFT_HOME: '', HOME: place.root };
    expect(await launch(place, DIRECT, { env })).toMatchObject({ code: 0, stdout: 'ran\n' });
    expect(node.frames).toHaveLength(2);
  });
});

function swapForSymlink(): void {
  renameSync(run, join(place.home, 'real'));
  symlinkSync('real', run);
}

function swapForFile(): void {
  renameSync(run, join(place.home, 'real'));
  writeFileSync(run, '');
}

describe('a directory that others could have made', () => {
  const unsafe: [string, () => void][] = [
    ['others can write to it', () => chmodSync(run, 0o707)],
    ['its group can write to it', () => chmodSync(run, 0o770)],
    ['others can write to the home', () => chmodSync(place.home, 0o707)],
    ['the group can write to the home', () => chmodSync(place.home, 0o770)],
    ['it is a symlink', () => swapForSymlink()],
    ['it is a file', () => swapForFile()],
  ];
  if (process.getuid?.() === 0) {
    unsafe.push(['it is not ours', () => chownSync(run, 4242, 4242)]);
    unsafe.push(['the home is not ours', () => chownSync(place.home, 4242, 4242)]);
  }

  it.each(unsafe)('is not asked for a node: %s', async (_what, spoil) => {
    await using node = await FakeNode.listen(place.home, always(runs('echo ran')));
    spoil();
    expect(await launch(place, DIRECT)).toMatchObject(DIRECTLY);
    expect(node.frames).toEqual([]);
  });

  it('is named among the reasons when it is ours', async () => {
    chmodSync(run, 0o770);
    await launch(place, DIRECT);
    expect(place.fallbacks()).toEqual(['unsafe-dir']);
  });

  it('cannot hold a socket whose path is too long', async () => {
    const home = join(place.root, 'x'.repeat(103 - place.root.length - '//run/node.sock'.length));
    renameSync(place.home, home);
    await using node = await FakeNode.listen(home, always(runs('echo ran')));
    expect(await launch(place, DIRECT, { env: { VRIFT_HOME: home } })).toMatchObject({ code: 0 });
    expect(node.frames).toHaveLength(2);
    renameSync(home, `${home}x`);
    expect(await launch(place, DIRECT, { env: { VRIFT_HOME: `${home}x` } })).toMatchObject(
      DIRECTLY,
    );
    expect(readFileSync(`${home}x/run/fallbacks`, 'utf8')).toBe('long-path\n');
  });
});
