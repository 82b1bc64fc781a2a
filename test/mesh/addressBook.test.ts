import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AddressBook } from '../../src/mesh/addressBook.js';

const NODE = 'a'.repeat(52);

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'vrift-book-'));
}

describe('the addresses of members', () => {
  it('survive a restart, the latest of each', () => {
    const dir = folder();
    const book = new AddressBook(dir);
    book.note(NODE, '10.77.0.1:7391');
    book.note(NODE, '[fe80::1]:7392');
    expect([...new AddressBook(dir).entries()]).toEqual([
      { node: NODE, host: 'fe80::1', port: 7392 },
    ]);
  });

  it.each(['', '{}', '[["x","y"]]', '[1]', '\0'])(
    'start empty from a file that holds %j',
    (text) => {
      const dir = folder();
      writeFileSync(join(dir, 'peers.json'), text, { mode: 0o600 });
      expect([...new AddressBook(dir).entries()]).toEqual([]);
    },
  );
});
