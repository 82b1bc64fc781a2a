/** What rustc's `.d` file says that it read. */
export interface DepInfo {
  /** As written: absolute, or relative to the compiler's working directory. */
  inputs: string[];
  /** Names of variables that `env!` and `option_env!` read; unset ones too. */
  env: string[];
}

/** Reads a dep-info file of rustc (Makefile syntax, `\ ` for a space, `# env-dep:` comments). */
export function parseDepInfo(text: string): DepInfo {
  const inputs = new Set<string>();
  const env = new Set<string>();
  for (const line of text.split('\n')) {
    if (line.startsWith('# env-dep:')) {
      const pair = line.slice('# env-dep:'.length);
      const equals = pair.indexOf('=');
      env.add(unescapeEnv(equals < 0 ? pair : pair.slice(0, equals)));
    } else if (line !== '' && !line.startsWith('#')) {
      for (const word of prerequisites(line)) inputs.add(word);
    }
  }
  return { inputs: [...inputs], env: [...env] };
}

/** The words after the rule's `: `; a bare `file:` line names no prerequisite. */
function prerequisites(line: string): string[] {
  const words = splitWords(line);
  const colon = words.findIndex((word) => word.colon);
  return words.slice(colon + 1).map((word) => word.text);
}

/**
 * Splits at unescaped spaces; a word that ends in `:` before a space or the end is a target.
 *
 * @param make linkers also escape `#` and double `$`; rustc escapes spaces only
 */
export function splitWords(line: string, make = false): { text: string; colon: boolean }[] {
  const words: { text: string; colon: boolean }[] = [];
  let text = '';
  const end = () => {
    if (text === '') return;
    const colon = text.endsWith(':');
    words.push({ text: colon ? text.slice(0, -1) : text, colon });
    text = '';
  };
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    const next = line[i + 1];
    if (char === '\\' && (next === ' ' || (make && next === '#'))) text += line[++i];
    else if (make && char === '$' && next === '$') text += line[i++]!;
    else if (char === ' ') end();
    else text += char;
  }
  end();
  return words;
}

function unescapeEnv(text: string): string {
  return text.replace(/\\([nr\\])/g, (_, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : c));
}

export function escapeEnv(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}

/** rustc escapes spaces only; everything else stands as it is. */
export function escapeWord(path: string): string {
  return path.replaceAll(' ', '\\ ');
}
