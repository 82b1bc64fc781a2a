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
  let at = MAGIC.length;
  while (at + HEADER <= bytes.length) {
    const name = bytes.toString('latin1', at, at + 16).trimEnd();
    const size = Number.parseInt(bytes.toString('latin1', at + 48, at + 58), 10);
    if (!Number.isSafeInteger(size) || size < 0) break;
    const body = bytes.subarray(at + HEADER, at + HEADER + size);
    const index = name === '/' || name === '//' || name === '/SYM64/';
    if (!index) {
      const metadata = name === 'lib.rmeta/';
      members.push(metadata ? maskedDigest(body, masks, hasher) : hasher.hash(body));
    }
    at += HEADER + size + (size % 2);
  }
  return hasher.hash(`archive\n${members.join('\n')}`);
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
