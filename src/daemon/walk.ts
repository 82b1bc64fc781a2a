import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { TreeEntry } from '../pipeline/script/tree.js';
import { fromBytes } from '../wire/bytes.js';

const SLASH = Buffer.from('/');

/**
 * Everything below a directory, names as surrogate-escaped text.
 *
 * @returns undefined when there is something else than files, directories and links
 * @throws what the system says of a directory that cannot be read
 */
export function walkTree(dir: string): TreeEntry[] | undefined {
  const entries: TreeEntry[] = [];
  const open: { bytes: Buffer; path: string }[] = [{ bytes: Buffer.from(dir), path: '' }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const name of readdirSync(at.bytes, { encoding: 'buffer' })) {
      const bytes = Buffer.concat([at.bytes, SLASH, name]);
      const path = `${at.path === '' ? '' : `${at.path}/`}${fromBytes(name)}`;
      const stat = lstatSync(bytes, { bigint: true });
      const mode = Number(stat.mode & 0o777n);
      if (stat.isDirectory()) {
        entries.push({ path, mode, kind: 'dir' });
        open.push({ bytes, path });
      } else if (stat.isSymbolicLink()) {
        const target = fromBytes(readlinkSync(bytes, { encoding: 'buffer' }));
        entries.push({ path, mode, kind: 'link', target });
      } else if (stat.isFile()) {
        entries.push({ path, mode, kind: 'file', size: Number(stat.size), mtimeNs: stat.mtimeNs });
      } else return undefined;
    }
  }
  return entries;
}
