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

/**
 * Of prefixes, those to look for first, and which of the rest to look for after `found`. A file
 * that does not hold a directory's path holds nothing below it either: usually one look for the
 * home directory settles them all. (A path of one component is looked for by a weaker rule, which
 * settles nothing.)
 */
export function nested(prefixes: readonly string[]): {
  outermost: string[];
  inside(found: readonly string[]): string[];
} {
  const settles = (outer: string, inner: string) =>
    outer !== inner && outer.indexOf('/', 1) > 0 && inner.startsWith(outer);
  const outermost = prefixes.filter((inner) => !prefixes.some((outer) => settles(outer, inner)));
  return {
    outermost,
    inside: (found) => prefixes.filter((inner) => found.some((outer) => settles(outer, inner))),
  };
}

/** Which of the prefixes stand in the bytes. */
export function pathsIn(bytes: Buffer, prefixes: readonly string[]): string[] {
  const holds = (prefix: string) => holdsPath(bytes, [prefix]) !== undefined;
  const { outermost, inside } = nested(prefixes);
  const found = outermost.filter(holds);
  return [...found, ...inside(found).filter(holds)];
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
