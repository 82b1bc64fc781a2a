/** A block that the sender does not have, or had no room for. */
const ABSENT = 0xffff_ffff;
const HEADER_BYTES = 4;

/** Each block behind its big-endian length; `undefined` marks one that is absent. */
export function encodeBlocks(blocks: readonly (Uint8Array | undefined)[]): Buffer {
  return Buffer.concat(
    blocks.flatMap((block) => {
      const header = Buffer.allocUnsafe(HEADER_BYTES);
      header.writeUInt32BE(block?.length ?? ABSENT, 0);
      return block === undefined ? [header] : [header, block];
    }),
  );
}

/**
 * @returns views into `bytes`, or undefined when a length does not fit or there are more than
 *   `maxCount` blocks
 */
export function decodeBlocks(bytes: Buffer, maxCount: number): (Buffer | undefined)[] | undefined {
  const blocks: (Buffer | undefined)[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (blocks.length === maxCount || bytes.length - at < HEADER_BYTES) return undefined;
    const length = bytes.readUInt32BE(at);
    at += HEADER_BYTES;
    if (length === ABSENT) {
      blocks.push(undefined);
      continue;
    }
    if (bytes.length - at < length) return undefined;
    blocks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return blocks;
}
