import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTree, type TreeOptions } from '../../src/daemon/tree.js';
import { readDeclared } from '../../src/keying/declared.js';
import { fits, parsePattern } from '../../src/keying/patterns.js';
import type { Tree } from '../../src/keying/walk.js';
import { hashFileAsync } from '../../src/store/hashing.js';
import { hasher } from './support.js';

const disk: TreeOptions = {
  known: () => undefined,
  digest: async (path) => (await hashFileAsync(hasher, path)).digest,
  now: Date.now,
};
const tree = openTree(disk);

let top: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'vrift-declared-'));
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

function write(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), path);
  }
}

const read = (...patterns: string[]) =>
  readDeclared({ dir: top, patterns }, join(top, 'crates/app'), tree, hasher);

async function state(...patterns: string[]) {
  const declared = await read(...patterns);
  if ('problem' in declared) throw new Error(declared.problem);
  return declared;
}

const inputs = async (...patterns: string[]) => Object.keys((await state(...patterns)).inputs);

describe('what a project declares', () => {
  it('is the content of a file, or that there is none', async () => {
    write('crates/app/a.json');
    const { inputs, by } = await state('crates/app/a.json', './b.json');
    expect(inputs).toEqual({
      'b.json': 'absent',
      'crates/app/a.json': hasher.hash('crates/app/a.json'),
    });
    expect(by).toBe('../../velo.toml: ["./b.json","crates/app/a.json"]');
  });

  it('is all that stands in a directory, hidden and empty directories too', async () => {
    write('m/1.sql', 'm/deep/.hidden');
    mkdirSync(join(top, 'm/empty'));
    const all = ['m/', 'm/1.sql', 'm/deep/', 'm/deep/.hidden', 'm/empty/'];
    for (const spelling of ['m', 'm/', './m//', 'm/.']) expect(await inputs(spelling)).toEqual(all);
  });

  it('is what fits a pattern, and directories that fit are taken whole', async () => {
    write('a.sql', 'x/b.sql', 'x/y/c.sql', 'x/y/c.txt', '.hid/d.sql', 'x/.e.sql', 'm1/f', 'm2/g/h');
    expect(await inputs('**/*.sql')).toEqual(['a.sql', 'x/b.sql', 'x/y/c.sql']);
    expect(await inputs('*.sql')).toEqual(['a.sql']);
    expect(await inputs('x/**')).toEqual(['x/b.sql', 'x/y/', 'x/y/c.sql', 'x/y/c.txt']);
    expect(await inputs('**/y/**/c.*')).toEqual(['x/y/c.sql', 'x/y/c.txt']);
    expect(await inputs('m?/')).toEqual(['m1/', 'm1/f', 'm2/', 'm2/g/', 'm2/g/h']);
    expect(await inputs('*/b.sql', 'nothing/*')).toEqual(['x/b.sql']);
    expect(await inputs('.h*/*')).toEqual(['.hid/d.sql']);
  });

  it('leaves out repositories and what tools fill, unless they are named', async () => {
    write('d/.git/HEAD', 'd/target/CACHEDIR.TAG', 'd/target/a.sql', 'd/a.sql');
    expect(await inputs('d')).toEqual(['d/', 'd/a.sql']);
    expect(await inputs('**/*.sql')).toEqual(['d/a.sql']);
    expect(await inputs('*/target')).toEqual([
      'd/target/',
      'd/target/CACHEDIR.TAG',
      'd/target/a.sql',
    ]);
    expect(await inputs('d/.git/HEAD')).toEqual(['d/.git/HEAD']);
  });

  it('is what links lead to, and a link around itself ends nowhere', async () => {
    write('real/a');
    mkdirSync(join(top, 'd'));
    symlinkSync('../real', join(top, 'd/dir'));
    symlinkSync('../real/a', join(top, 'd/file'));
    symlinkSync('gone', join(top, 'd/broken'));
    symlinkSync('..', join(top, 'd/around'));
    const found = (await state('d')).inputs;
    expect(Object.keys(found)).toEqual(['d/', 'd/broken', 'd/dir/', 'd/dir/a', 'd/file']);
    expect(found['d/file']).toBe(hasher.hash('real/a'));
    expect(await inputs('**/a')).toEqual(['d/dir/a', 'real/a']);
  });

  it('is another state after any change, and after one that was taken back', async () => {
    write('d/a', 'd/b');
    const before = await state('d');
    expect(await state('d')).toEqual(before);
    writeFileSync(join(top, 'd/a'), 'else');
    expect((await state('d')).inputs).not.toEqual(before.inputs);
    write('d/a');
    const after = await state('d');
    expect(after.inputs).toEqual(before.inputs);
    expect(after.stamp).not.toBe(before.stamp);
    rmSync(join(top, 'd/a'));
    expect((await state('d')).inputs).not.toEqual(before.inputs);
  });

  it('lists a directory again when it changed, and while it may change within a clock tick', () => {
    write('d/a');
    const list = (from: Tree) => from.list(join(top, 'd'), 1_000);
    expect(list(tree)).not.toBe(list(tree));
    const later = openTree({ ...disk, now: () => Date.now() + 10_000 });
    expect(list(later)).toBe(list(later));
    write('d/b');
    expect(list(later)).toMatchObject([{ name: 'a' }, { name: 'b' }]);
  });

  it('is summed up by pattern where it is too many files to name', async () => {
    write(...Array.from({ length: 70 }, (_, n) => `many/${n}`), 'one');
    const before = (await state('many/*', 'one')).inputs;
    expect(Object.keys(before)).toEqual(['one', 'many/*']);
    expect(before['many/*']).toMatch(/^[0-9a-f]{64} of 70 entries$/);
    writeFileSync(join(top, 'many/7'), 'else');
    const after = (await state('many/*', 'one')).inputs;
    expect(after.one).toBe(before.one);
    expect(after['many/*']).not.toBe(before['many/*']);
  });

  it('cannot be told of what is too much, too large or no UTF-8', async () => {
    write('d/a', 'e/a');
    execFileSync('sh', ['-c', "touch d/$(printf '\\377')"], { cwd: top });
    expect(await read('d')).toEqual({ problem: 'd holds a name that is no UTF-8' });
    execFileSync('truncate', ['-s', '2G', 'e/huge'], { cwd: top });
    expect(await read('e')).toEqual({ problem: 'more than 1 GiB' });
    mkdirSync(join(top, 'f'));
    execFileSync('sh', ['-c', 'seq 10000 | xargs touch'], { cwd: join(top, 'f') });
    expect(await inputs('f/1')).toEqual(['f/1']);
    expect(await read('f/*.a', 'f/*.b')).toEqual({ problem: 'more than 10000 files to look at' });
    execFileSync('touch', ['f/one-more'], { cwd: top });
    expect(await read('f/*')).toEqual({ problem: 'f holds more than 10000 files' });
  });

  it('reads no pipe', async () => {
    execFileSync('mkfifo', [join(top, 'pipe')]);
    expect((await state('pipe')).inputs).toEqual({ pipe: 'neither file nor directory' });
  });
});

describe('a pattern', () => {
  it.each([
    '',
    '/etc/passwd',
    '~/x',
    '../x',
    'a/../../x',
    'a[0]',
    '{a,b}',
    '!a',
    'a\\b',
    'a**',
    'a\0',
  ])('is none: %j', (text) => expect(parsePattern(text)).toHaveProperty('problem'));

  it('fits what a regular expression of the same meaning fits', () => {
    const part = (...chars: string[]) =>
      fc.array(fc.constantFrom(...chars), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        part('a', 'b', '.', '\u{1f980}'),
        part('a', 'b', '.', '*', '?'),
        (name, segment) => {
          const source = segment.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
          const hidden = name.startsWith('.') && !segment.startsWith('.');
          expect(fits(name, segment)).toBe(!hidden && new RegExp(`^${source}$`, 'u').test(name));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('that means harm takes no longer than another', () => {
    expect(fits('a'.repeat(255), `${'*a'.repeat(100)}*b`)).toBe(false);
  });
});
