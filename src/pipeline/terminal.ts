const COLOUR = '\\u001b\\[[\\d;:]*m';

/**
 * What a terminal obeys: escape sequences, control characters, and what changes the direction of
 * text. Colours, tabs and line ends are meant.
 */
const RAW = new RegExp(`${COLOUR}|\\r\\n|[\\n\\t]|\\p{Cc}|[\\u202a-\\u202e\\u2066-\\u2069]`, 'gu');
const COLOUR_OR_SPACE = new RegExp(`^(?:${COLOUR}|\\r\\n|[\\n\\t])$`, 'u');

/** The same as they stand inside a string of a JSON line; a doubled backslash begins nothing. */
const IN_JSON =
  /\\\\|\\u001b\[[\d;:]*m|\\r\\n|\\(?:[bfr]|u00(?:[01][\da-f]|7f|[89][\da-f])|u202[a-e]|u206[6-9])/gi;
const JSON_COLOUR_OR_SPACE = /^(?:\\\\|\\u001b\[[\d;:]*m|\\r\\n|\\u000[9a])$/i;

/**
 * Messages that somebody's compiler may have printed, without what could move a cursor, change a
 * title or hide text. A result says of itself what it printed, so a terminal must not believe it.
 */
export function withoutControls(text: string): string {
  const plain = text.replace(RAW, (found) => (COLOUR_OR_SPACE.test(found) ? found : '\ufffd'));
  if (!plain.includes('\\')) return plain;
  return plain
    .split('\n')
    .map((line) => (line.startsWith('{') ? inJson(line) : line))
    .join('\n');
}

function inJson(line: string): string {
  return line.replace(IN_JSON, (found) => (JSON_COLOUR_OR_SPACE.test(found) ? found : '\ufffd'));
}

const WARNING = /^cargo::?warning=/;

/** Of what a build script says to cargo, only warnings reach a terminal; the rest stays as it is. */
export function warningsWithoutControls(stdout: string): string {
  if (!stdout.includes('warning=')) return stdout;
  const clean = (line: string) => (WARNING.test(line) ? withoutControls(line) : line);
  return stdout.split('\n').map(clean).join('\n');
}
