/**
 * The first of the paths that stands in the bytes. String literals lie in programs end to end,
 * so what follows a find says nothing, and for a path of two or more components neither does what
 * comes before. A path of one component (`/src`, `/app`) would be found in every `./src/lib.rs`:
 * there, a name before it excuses the find.
 */
export function holdsPath(bytes: Buffer, prefixes: readonly string[]): string | undefined {
  for (const prefix of prefixes) {
    const needle = Buffer.from(prefix, 'utf8');
    const short = prefix.lastIndexOf('/') === 0;
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
      if (!short || at === 0 || !isNameByte(bytes[at - 1]!)) return prefix;
    }
  }
  return undefined;
}

function isNameByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x5f ||
    byte === 0x2d ||
    byte === 0x2e
  );
}
