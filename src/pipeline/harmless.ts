/**
 * Text that some machine's compiler or script printed, for this terminal: colours stay, and nothing
 * else that a terminal would obey. Cursor movements could overwrite what cargo says, other
 * sequences set titles, clipboards and links.
 */
export function harmless(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text.split('\n').map(harmlessLine).join('\n');
}

/** Cargo obeys what a script prints, byte by byte; of that it shows warnings and errors. */
export function harmlessOrders(stdout: string): string {
  return stdout.replace(ORDERS_SHOWN, harmless);
}

/** As cargo reads: lines end at `\n` alone, and white space before them counts for nothing. */
const ORDERS_SHOWN = /(?<![^\n])(?:[^\S\n]|\u0085)*cargo::?(?:warning|error)=[^\n]*/g;

/** Cargo takes the text out of JSON and prints it, so escapes count as what they stand for. */
function harmlessLine(line: string): string {
  if (!line.startsWith('{')) return line.replace(SEQUENCE, keepColours);
  // One by one: a sequence that is cut off may not take the end of the string along.
  return line
    .replace(SINGLE, keepColours)
    .replace(IN_JSON, (all, escaped: string | undefined) =>
      escaped === undefined ? all : keepEscapedColours(escaped),
    );
}

const COLOURS = '\\x1b\\[[0-9;:]*m';
const C0_C1 = '\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f';
/** Characters that reorder what is around them. */
const BIDI = '\\u202a-\\u202e\\u2066-\\u2069';

const SUSPECT = new RegExp(`[${C0_C1}${BIDI}]|\\\\(u|b|f|r)`, 'i');

/** OSC, DCS and their like with their text; CSI; two-character sequences; single characters. */
const SEQUENCE = new RegExp(
  [
    '(?:\\x1b[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c]*(?:\\x07|\\x1b\\\\|\\x9c)?',
    '(?:\\x1b\\[|\\x9b)[0-?]*[ -/]*[@-~]?',
    '\\x1b[ -/]*[0-~]?',
    `[${C0_C1}${BIDI}]`,
  ].join('|'),
  'g',
);

const SINGLE = new RegExp(`${COLOURS}|[${C0_C1}${BIDI}]`, 'g');

const COLOUR = new RegExp(`^${COLOURS}$`);

function keepColours(sequence: string, at: number, line: string): string {
  // Line ends of Windows.
  if (sequence === '\r' && at === line.length - 1) return sequence;
  return COLOUR.test(sequence) ? sequence : '';
}

const ESC = '\\\\u001b';
const HEX_CONTROL = '(?:00[01][0-9a-f]|00[789][0-9a-f]|202[a-e]|206[6-9])';

/** An escaped backslash begins nothing; what is meant is in the group. */
const IN_JSON = new RegExp(
  `\\\\[\\\\"/nt]|(${ESC}\\[[0-?]*[ -!#-/]*[@-\\[\\]-~]?|${ESC}|\\\\u${HEX_CONTROL}|\\\\[bfr])`,
  'gi',
);

const ESCAPED_COLOUR = /^\\u001b\[[0-9;:]*m$/i;
/** Line ends and tabs, however they are written. */
const ESCAPED_SPACE = /^\\u00(0a|09)$/i;
/** From U+007F on: `DEL` and C1. What stands at 0070 to 007e are letters. */
const LETTER = /^\\u007[0-9a-e]$/i;

function keepEscapedColours(escaped: string): string {
  const keeps = [ESCAPED_COLOUR, ESCAPED_SPACE, LETTER].some((kept) => kept.test(escaped));
  return keeps ? escaped : '';
}
