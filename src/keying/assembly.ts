/**
 * Whether a text has the assembler read a file: `.incbin`, `.include "…"`. Directives have any case,
 * and any blanks or a comment behind them. In metadata a literal stands as it was written
 * (`.include\t\"`), and where another one holds the file's name, the mark that ends each string there
 * comes next. A method of that name (`.include("src")`) is none.
 */
export function readsByAssembler(text: string): boolean {
  return READS.test(text);
}

/** The byte that rustc writes behind each string of metadata. */
const END_OF_STRING = String.raw`\xc1`;
const BLANK = String.raw`(?:\s|\\[nrt]?)*`;
const READS = new RegExp(String.raw`\.inc(?:bin|lude${BLANK}(?:"|/\*|${END_OF_STRING}))`, 'i');

/** How much of a directive is looked at: blanks and the like may stand in it. */
export const LONGEST_READ = 256;

/** How directives begin in any sane spelling; `READS` has the last word. */
const BEGINNINGS = ['.inc', '.INC', '.Inc'];

/** The same of a file's bytes, text or not. */
export function mayReadByAssembler(bytes: Buffer): boolean {
  return BEGINNINGS.some((beginning) => {
    for (let at = bytes.indexOf(beginning); at >= 0; at = bytes.indexOf(beginning, at + 1)) {
      if (READS.test(bytes.toString('latin1', at, at + LONGEST_READ))) return true;
    }
    return false;
  });
}
