/**
 * Whether a crate's sources use a variable only to name files for `include!`, `include_str!` or
 * `include_bytes!`: then its value decides which content is compiled in, and that content is in
 * the manifest; the path itself cannot reach an output. Anything else (a string, a hash of it, a
 * name that a macro puts together) is not proven. Macros of other crates are the caller's to rule
 * out: their metadata would hold the variable's name.
 *
 * @param sources texts of all `.rs` inputs of the unit
 */
export function isIncludeOnly(variable: string, sources: readonly string[]): boolean {
  let proven = 0;
  let mentions = 0;
  const use = includeUse(variable);
  const word = new RegExp(`(?<![A-Za-z0-9_])${variable}(?![A-Za-z0-9_])`, 'g');
  for (const source of sources) {
    if (mayCompute(variable, source)) return false;
    mentions += source.match(word)?.length ?? 0;
    proven += source.match(use)?.length ?? 0;
  }
  return proven > 0 && proven === mentions;
}

/** What `env!` is given: a literal, or `concat!` with a literal first; neither has escapes. */
const ENV =
  /(?<![A-Za-z0-9_])(?:option_)?env(?:\s|\/\*(?:[^*]|\*(?!\/))*\*\/|\/\/[^\n]*\n)*!\s*[([{]\s*/g;
const LITERAL = /^"[^"\\]*"/;
const JOINED = /^(?:::)?(?:std::|core::)?concat!\s*[([{]\s*"([^"\\]*)"/;

/**
 * Whether some `env!` may read the variable though its name does not stand there:
 * `env!(concat!("OUT", "_DIR"))`, `env!($name)`, `env!("A\\x42")`. A name that is put together is
 * another one when it begins otherwise (`concat!("CARGO_BIN_EXE_", $name)`).
 */
function mayCompute(variable: string, source: string): boolean {
  if (RENAMED.test(source)) return true;
  for (const match of source.matchAll(ENV)) {
    const start = match.index + match[0].length;
    const given = source.slice(start, start + MAX_GIVEN);
    if (LITERAL.test(given)) continue;
    const joined = JOINED.exec(given);
    if (joined === null || variable.startsWith(joined[1]!)) return true;
  }
  return false;
}

/** `use std::env as other;` brings the macro along. */
const RENAMED = /(?<![A-Za-z0-9_])(?:option_)?env\s+as\s/;

/** Longer names of variables are put together, for all that is known. */
const MAX_GIVEN = 512;

/** `include!(env!("FILE"))`, `include_str!(concat!(env!("V"), "/a", "/b"))`. */
function includeUse(variable: string): RegExp {
  const space = '\\s*';
  const literal = '"(?:[^"\\\\]|\\\\.)*"';
  const named = `(?:::)?(?:std::|core::)?env!${space}\\(${space}"${variable}"${space},?${space}\\)`;
  const joined = [
    '(?:::)?(?:std::|core::)?concat!',
    '\\(',
    named,
    `(?:,${space}${literal}${space})+`,
    `,?${space}\\)`,
  ].join(space);
  const pattern = [
    '(?<![A-Za-z0-9_])include(?:_str|_bytes)?!',
    '\\(',
    `(?:${named}|${joined})`,
    `,?${space}\\)`,
  ].join(space);
  return new RegExp(pattern, 'g');
}
