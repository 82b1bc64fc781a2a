/** How a `dep-…` file of cargo's `.fingerprint` begins: one byte of version, then what marks it. */
const MAGIC = Buffer.from([1, 0, 0, 0, 0xff, 1]);

/**
 * What cargo wrote down of a unit's inputs: `{ inputs, rest }`, each input as text with all that
 * belongs to it, `rest` what follows. undefined for any other file, or another version's.
 */
export function readBook(bytes) {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  let at = MAGIC.length;
  const take = (count) => {
    at += count;
    if (at > bytes.length) throw new RangeError('cut short');
    return bytes.subarray(at - count, at);
  };
  const takeSized = () => take(take(4).readUInt32LE());
  try {
    const inputs = [];
    for (let count = take(4).readUInt32LE(); count > 0; count -= 1) {
      const kind = take(1)[0];
      const path = takeSized().toString('latin1');
      const hasChecksum = take(1)[0];
      if (hasChecksum !== 0) return undefined;
      inputs.push(`${kind} ${path}`);
    }
    return { inputs, rest: bytes.subarray(at) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
