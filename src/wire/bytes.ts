/** Whether surrogate-escaped text stands for bytes that are no valid UTF-8. */
export function hasRawBytes(text: string): boolean {
  return RAW.test(text);
}

const RAW = /[\udc80-\udcff]/;
const PAIRS = /[\ud800-\udbff][\udc00-\udfff]|[\udc80-\udcff]/g;

/** The bytes that surrogate-escaped text stands for. */
export function toBytes(text: string): Buffer {
  if (!RAW.test(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of text.matchAll(PAIRS)) {
    if (match[0].length === 2) continue;
    parts.push(Buffer.from(text.slice(from, match.index), 'utf8'));
    parts.push(Buffer.from([match[0].charCodeAt(0) - 0xdc00]));
    from = match.index + 1;
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'));
  return Buffer.concat(parts);
}

/** Bytes as surrogate-escaped text: each byte that is no part of valid UTF-8 becomes one. */
export function fromBytes(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(bytes)) return text;
  let escaped = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((size) => isCharacter(bytes.subarray(at, at + size)));
    escaped +=
      length === undefined
        ? String.fromCharCode(0xdc00 + bytes[at]!)
        : bytes.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return escaped;
}

function isCharacter(bytes: Buffer): boolean {
  const text = bytes.toString('utf8');
  return [...text].length === 1 && Buffer.from(text, 'utf8').equals(bytes);
}
