import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { archiveIdentity, maskedDigest } from '../../src/keying/archive.js';
import { hasher } from './support.js';

function archive(members: [name: string, body: string][], time = '0'): Buffer {
  const parts = ['!<arch>\n'];
  for (const [name, body] of members) {
    const head = `${name}/`.padEnd(16) + time.padEnd(12) + '0'.padEnd(6) + '0'.padEnd(6);
    parts.push(`${head}${'644'.padEnd(8)}${String(body.length).padEnd(10)}\`\n${body}`);
    if (body.length % 2 === 1) parts.push('\n');
  }
  return Buffer.from(parts.join(''), 'latin1');
}

const named = (mask: string) => Buffer.from(`name${mask}`);

const none = new Set<string>();

describe('what a dependent sees of an archive', () => {
  it('is its content, not the names and times of its members', () => {
    const a = archive([
      ['lib.rmeta', 'meta'],
      ['a-x1.o', 'code'],
    ]);
    const b = archive(
      [
        ['lib.rmeta', 'meta'],
        ['a-y2.o', 'code'],
      ],
      '1700000000',
    );
    expect(archiveIdentity(a, none, hasher)).toBe(archiveIdentity(b, none, hasher));
  });

  it('changes with every byte of a member and with their order', () => {
    const base = archiveIdentity(
      archive([
        ['a.o', 'xx'],
        ['b.o', 'yy'],
      ]),
      none,
      hasher,
    );
    expect(
      archiveIdentity(
        archive([
          ['a.o', 'xx'],
          ['b.o', 'yz'],
        ]),
        none,
        hasher,
      ),
    ).not.toBe(base);
    expect(
      archiveIdentity(
        archive([
          ['b.o', 'yy'],
          ['a.o', 'xx'],
        ]),
        none,
        hasher,
      ),
    ).not.toBe(base);
  });
});

describe('metadata with file-name hashes blanked', () => {
  const hash = fc.stringMatching(/^-[0-9a-f]{16}$/);

  it('is equal exactly when nothing but those hashes differs', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), hash, hash, fc.string(), (parts, one, two, extra) => {
        const text = (mask: string) => Buffer.from(parts.join(mask) + mask, 'utf8');
        const digest = (mask: string) => maskedDigest(text(mask), new Set([mask]), hasher);
        expect(digest(one)).toBe(digest(two));
        if (extra !== '') {
          const other = Buffer.concat([text(one), Buffer.from(extra)]);
          expect(maskedDigest(other, new Set([one]), hasher)).not.toBe(digest(one));
        }
      }),
    );
  });

  it('does not blank hashes that belong to nobody', () => {
    const masks = new Set(['-0000000000000000']);
    expect(maskedDigest(named('-1111111111111111'), masks, hasher)).not.toBe(
      maskedDigest(named('-2222222222222222'), masks, hasher),
    );
  });
});
