/** Bytes of UTF-8; also the longest DNS label. */
const MAX_NAME_BYTES = 63;

const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{N} ._'-]*[\p{L}\p{N}])?$/u;

/**
 * Whether a node or a mesh may be called so: letters and digits of any script, inside also
 * space, dot, hyphen, underscore and apostrophe. Nothing that could move a cursor or hide text.
 */
export function isName(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    text.length <= MAX_NAME_BYTES &&
    Buffer.byteLength(text) <= MAX_NAME_BYTES &&
    NAME.test(text) &&
    text.normalize('NFC') === text
  );
}

/** The nearest allowed name to a host name or whatever a person typed. */
export function toName(text: string, fallback = 'node'): string {
  const plain = text.normalize('NFC').replace(/[^\p{L}\p{N} ._'-]+/gu, '-');
  let name = trimEdges([...plain].slice(0, MAX_NAME_BYTES).join(''));
  while (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    name = trimEdges([...name].slice(0, -1).join(''));
  }
  return isName(name) ? name : fallback;
}

function trimEdges(text: string): string {
  return text.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');
}
