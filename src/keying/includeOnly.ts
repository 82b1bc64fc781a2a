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
    if (COMPUTED.test(source)) return false;
    mentions += source.match(word)?.length ?? 0;
    proven += source.match(use)?.length ?? 0;
  }
  return proven > 0 && proven === mentions;
}

/** `env!(concat!(…))`, `env!($name)`, `env!("A\\x42")`: what is read does not stand in the text. */
const COMPUTED = /(?<![A-Za-z0-9_])(?:option_)?env!\s*[([{]\s*(?:[^\s")\]}]|"[^"]*\\)/;

/** `include!(concat!(env!("OUT_DIR"), "/x.rs"))`, `include_str!(concat!(env!("V"), "/a", "/b"))`. */
function includeUse(variable: string): RegExp {
  const space = '\\s*';
  const literal = '"(?:[^"\\\\]|\\\\.)*"';
  const pattern = [
    '(?<![A-Za-z0-9_])include(?:_str|_bytes)?!',
    '\\(',
    '(?:::)?(?:std::|core::)?concat!',
    '\\(',
    `(?:::)?(?:std::|core::)?env!${space}\\(${space}"${variable}"${space},?${space}\\)`,
    `(?:,${space}${literal}${space})+`,
    `,?${space}\\)`,
    `,?${space}\\)`,
  ].join(space);
  return new RegExp(pattern, 'g');
}
