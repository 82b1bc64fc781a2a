import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Unmapping } from '../../src/wire/launcher.js';
import { always, FakeNode, runs } from './fakeNode.js';
import { buildLauncher, DIRECT, launch, Place } from './support.js';

beforeAll(buildLauncher);

let place: Place;
beforeEach(() => {
  place = new Place();
  return () => place[Symbol.dispose]();
});

const UNMAP: Unmapping[] = [
  ['/vr/cargo', '/home/ann/.cargo'],
  ['/vr/cargo/registry', '/mnt/registry'],
  ['/vr/odd', '/home/a "b"\\c'],
  ['/vr/raw', '/home/r\udce9'],
];

/** What a person sees when the compiler writes `text` to stderr, in latin1. */
async function shown(text: string | Buffer): Promise<string> {
  writeFileSync(join(place.work, 'text'), text, 'latin1');
  const reply = runs('cat text >&2', { unmap: UNMAP });
  await using node = await FakeNode.listen(place.home, always(reply));
  const { stderr } = await launch(place, DIRECT);
  const kept = (await node.next('ran')).stderr;
  if (typeof text === 'string' && /^[\0-\x7f]*$/.test(text)) expect(kept).toBe(text);
  return stderr;
}

/** Several times what fits into a pipe. */
function line(path: string): string {
  return JSON.stringify({ text: `${'x '.repeat(200_000)}${path}/a` });
}

describe('paths in the messages of a run', () => {
  it('are those of this machine, the longest mapping first', async () => {
    expect(await shown('/vr/cargo/git/a.rs:1:2 in /vr/cargo/registry/src\n')).toBe(
      '/home/ann/.cargo/git/a.rs:1:2 in /mnt/registry/src\n',
    );
  });

  it('end wherever a path can end', async () => {
    for (const end of ['"', "'", ' ', ':1', ',', ')', '>', '\\', '\t', '`', ']', ';', '/', '\n']) {
      expect(await shown(`(/vr/cargo${end}`)).toBe(`(/home/ann/.cargo${end}`);
    }
    expect(await shown('/vr/cargo')).toBe('/home/ann/.cargo');
  });

  it('are left alone where only part of a name is the same', async () => {
    const others = [
      '/vr/cargo2/a',
      '/vr/cargo-x',
      '/vr/cargo.d',
      '/home/vr/cargo/a',
      './vr/cargo/a',
    ];
    for (const other of [...others, '/vr/cargo\xc3\xa9', '/vr/carg']) {
      expect(await shown(`at ${other} here\n`)).toBe(`at ${other} here\n`);
    }
  });

  it('are escaped where a line is JSON, and as they are elsewhere', async () => {
    const line = JSON.stringify({ spans: ['/vr/odd/x.rs'], rendered: 'a\n/vr/odd/y\t/vr/raw\n' });
    const lines = (await shown(`${line}\nsee /vr/odd/z /vr/raw\n`)).split('\n');
    expect(JSON.parse(lines[0]!.replaceAll('\xef\xbf\xbd', '?'))).toEqual({
      spans: ['/home/a "b"\\c/x.rs'],
      rendered: 'a\n/home/a "b"\\c/y\t/home/r?\n',
    });
    expect(lines[1]).toBe('see /home/a "b"\\c/z /home/r\xe9');
  });

  it('are found behind the colours of a terminal', async () => {
    expect(await shown('--> \x1b[0m\x1b[38;5;12m/vr/cargo/a.rs\x1b[0m\n')).toBe(
      '--> \x1b[0m\x1b[38;5;12m/home/ann/.cargo/a.rs\x1b[0m\n',
    );
    const rendered = '\x1b[0m/vr/cargo/a.rs\x1b[0m';
    expect(await shown(`${JSON.stringify({ rendered })}\n`)).toBe(
      `${JSON.stringify({ rendered: '\x1b[0m/home/ann/.cargo/a.rs\x1b[0m' })}\n`,
    );
  });

  it('are found in lines that are longer than a pipe', async () => {
    const text = `${line('/vr/cargo')}\n`.repeat(3);
    expect(await shown(text)).toBe(`${line('/home/ann/.cargo')}\n`.repeat(3));
  });

  it('do not disturb bytes that are no UTF-8', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    expect(await shown(bytes)).toBe(bytes.toString('latin1'));
  });
});
