import type { Digest, Hasher } from '../base/digest.js';

const MAGIC = '!<arch>\n';
const HEADER = 60;

export function isArchive(bytes: Buffer): boolean {
  return bytes.subarray(0, MAGIC.length).toString('latin1') === MAGIC;
}

/** `!<thin>`: the members are other files, which the bytes do not hold. */
export function isThinArchive(bytes: Buffer): boolean {
  return bytes.subarray(0, 8).toString('latin1') === '!<thin>\n';
}

/**
 * What an archive (rlib, `.a`) holds, without what differs from one making to the next: member
 * names (an incremental one has a random part), times, owners and the symbol index.
 *
 * @param masks file-name hashes (`-0123456789abcdef`) to blank out of the metadata member
 */
export function archiveIdentity(bytes: Buffer, masks: ReadonlySet<string>, hasher: Hasher): Digest {
  const members: string[] = [];
  for (const { name, body } of entries(bytes)) {
    if (INDEX.includes(name)) continue;
    const metadata = name === 'lib.rmeta/';
    members.push(metadata ? maskedDigest(body, masks, hasher) : hasher.hash(body));
  }
  return hasher.hash(`archive\n${members.join('\n')}`);
}

/** Names of an archive's members, without its indexes. */
export function memberNames(bytes: Buffer): string[] {
  const names: string[] = [];
  let long = '';
  for (const { name, body } of isArchive(bytes) ? entries(bytes) : []) {
    if (name === '//') long = body.toString('latin1');
    if (INDEX.includes(name)) continue;
    const at = /^\/(\d+)$/.exec(name)?.[1];
    const whole = at === undefined ? name : longName(long, Number(at));
    names.push(whole.endsWith('/') ? whole.slice(0, -1) : whole);
  }
  return names;
}

/** No file has a longer name; without a bound each member could name the whole table. */
const MAX_NAME_CHARS = 4096;

function longName(table: string, at: number): string {
  const text = table.slice(at, at + MAX_NAME_CHARS);
  const end = text.indexOf('\n');
  return end < 0 ? text : text.slice(0, end);
}

/** The symbol index, its form for large archives, and the table of long names. */
const INDEX = ['/', '/SYM64/', '//'];

/** Members as they follow each other, indexes included. */
function* entries(bytes: Buffer): Generator<{ name: string; body: Buffer }> {
  let at = MAGIC.length;
  while (at + HEADER <= bytes.length) {
    const name = bytes.toString('latin1', at, at + 16).trimEnd();
    const size = Number.parseInt(bytes.toString('latin1', at + 48, at + 58), 10);
    if (!Number.isSafeInteger(size) || size < 0)
      return yield { name: '', body: bytes.subarray(at) };
    yield { name, body: bytes.subarray(at + HEADER, at + HEADER + size) };
    at += HEADER + size + (size % 2);
  }
}

const DASH = 0x2d;
const MASKED = Buffer.from('-****************', 'latin1');

/**
 * Digest of rmeta content with the given file-name hashes blanked: cargo derives them from
 * absolute paths for crates outside the workspace, and nothing else in the content does.
 */
export function maskedDigest(bytes: Buffer, masks: ReadonlySet<string>, hasher: Hasher): Digest {
  if (masks.size === 0) return hasher.hash(bytes);
  const length = MASKED.length;
  const stream = hasher.stream();
  let done = 0;
  for (let at = bytes.indexOf(DASH); at >= 0; at = bytes.indexOf(DASH, at + 1)) {
    if (at < done || at + length > bytes.length) continue;
    if (!isHex(bytes[at + 1]!) || !isHex(bytes[at + length - 1]!)) continue;
    if (!masks.has(bytes.toString('latin1', at, at + length))) continue;
    stream.update(bytes.subarray(done, at));
    stream.update(MASKED);
    done = at + length;
  }
  stream.update(bytes.subarray(done));
  return stream.digest();
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
}
