const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;

export const isArchive = (bytes) => bytes.toString('latin1', 0, MAGIC.length) === MAGIC;

/**
 * The members of an `ar` archive in their order, by their whole names. Written anew rather than
 * taken from the node, whose reading of archives this has to check.
 *
 * @returns { name, body }; `/` is the index of symbols
 */
export function membersOf(bytes) {
  const members = [];
  let names = '';
  for (let at = MAGIC.length; at + HEADER_BYTES <= bytes.length; ) {
    const short = bytes.toString('latin1', at, at + 16).trimEnd();
    const size = Number.parseInt(bytes.toString('latin1', at + 48, at + 58), 10);
    const body = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + size);
    if (short === '//') names = body.toString('latin1');
    else members.push({ name: wholeName(short, names), body });
    at += HEADER_BYTES + size + (size % 2);
  }
  return members;
}

function wholeName(short, names) {
  if (/^\/\d+$/.test(short)) {
    const start = Number(short.slice(1));
    return names.slice(start, names.indexOf('\n', start)).replace(/\/$/, '');
  }
  return short === '/' || short === '/SYM64/' ? '/' : short.replace(/\/$/, '');
}
