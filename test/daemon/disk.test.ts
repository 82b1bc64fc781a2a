import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanNested } from '../../src/daemon/disk.js';
import { holdsPath } from '../../src/keying/scan.js';

const file = join(mkdtempSync(join(tmpdir(), 'vrift-scan-')), 'bytes');

describe('looking for paths in a file', () => {
  it('finds what a look for each of them alone would find', async () => {
    const path = fc.constantFrom(
      '/h/',
      '/h/a',
      '/h/a/ws',
      '/h/a/ws/target',
      '/src',
      '/src/x',
      '/c',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(path, { minLength: 1 }),
        fc.array(fc.oneof(path, fc.constantFrom('a', '.', '\0', 'glue', '/'))),
        async (prefixes, parts) => {
          const bytes = Buffer.from(parts.join(''));
          writeFileSync(file, bytes);
          const alone = prefixes.filter((prefix) => holdsPath(bytes, [prefix]) !== undefined);
          expect((await scanNested(file, prefixes)).toSorted()).toEqual(alone.toSorted());
        },
      ),
    );
  });

  it('finds a path at the seam of two pieces', async () => {
    const at = (4 << 20) - 3;
    writeFileSync(file, Buffer.concat([Buffer.alloc(at), Buffer.from('/home/alice/ws')]));
    expect(await scanNested(file, ['/home/alice/ws'])).toEqual(['/home/alice/ws']);
  });
});
