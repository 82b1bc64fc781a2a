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
