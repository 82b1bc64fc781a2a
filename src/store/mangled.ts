import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.js';

/** The file in which LMDB keeps everything. */
export function dataFile(layout: Layout): string {
  return join(layout.index, 'data.mdb');
}

export function dataBytes(layout: Layout): number {
  return statSync(dataFile(layout), { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Whether LMDB should not be let near its file: instead of an error, garbage gives a segmentation
 * fault in lmdb 3.5.6, and a file cut short a bus error at the first read behind its end.
 */
export function isMangled(layout: Layout): boolean {
  return isShorterThanAtClose(layout) || (dataBytes(layout) > 0 && !hasMetaPages(layout));
}

function isShorterThanAtClose(layout: Layout): boolean {
  try {
    const { indexBytes } = JSON.parse(readFileSync(layout.cleanMarker, 'utf8'));
    return typeof indexBytes === 'number' && dataBytes(layout) < indexBytes;
  } catch {
    return false;
  }
}

/** The first two pages each hold, in the machine's byte order, a magic number and the page size. */
function hasMetaPages(layout: Layout): boolean {
  const fd = openSync(dataFile(layout), 'r');
  try {
    const pageSize = readWord(fd, PAGE_SIZE_AT);
    return (
      PAGE_SIZES.has(pageSize) &&
      readWord(fd, MAGIC_AT) === MAGIC &&
      readWord(fd, pageSize + MAGIC_AT) === MAGIC
    );
  } finally {
    closeSync(fd);
  }
}

const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const PAGE_SIZES: ReadonlySet<number> = new Set([4096, 8192, 16_384, 32_768, 65_536]);

function readWord(fd: number, at: number): number {
  const word = new Uint32Array(1);
  return readSync(fd, word, 0, 4, at) === 4 ? (word[0] ?? 0) : 0;
}
