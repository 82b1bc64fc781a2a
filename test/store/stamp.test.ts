import { type BigIntStats, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changedByNs } from '../../src/store/stamp.js';

describe('when a file was changed at the latest', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'vrift-stamp-')), 'file');
  writeFileSync(path, '');
  const stat = statSync(path, { bigint: true });
  const changed = (times: Partial<BigIntStats>): BigIntStats => ({ ...stat, ...times }) as never;

  it('is its ctime, where the kernel stamps finely, whatever its mtime says', () => {
    const ctimeNs = 1_700_000_000_123_456_789n;
    const fine = changed({ ctimeNs, mtimeNs: 1_600_000_000_000_000_000n });
    expect(changedByNs(fine)).toBe(ctimeNs);
  });

  it('may be later within the second, or two, that a coarse file system writes down', () => {
    const ctimeNs = 1_700_000_000_000_000_000n;
    const latest = changedByNs(changed({ ctimeNs }));
    expect(latest - ctimeNs).toBeGreaterThanOrEqual(2_000_000_000n);
  });
});
