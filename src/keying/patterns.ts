/**
 * Paths below a directory, with `*` (any part of a name), `?` (one character) and `**` (any number
 * of directories). Whoever wrote them is not trusted: every name is matched in time proportional
 * to its length, which no library that turns patterns into regular expressions does.
 */
export interface Pattern {
  /** As written. */
  text: string;
  /** None: the directory itself. `**` is never the last. */
  segments: readonly string[];
}

/** @returns the pattern, or what is wrong with it */
export function parsePattern(text: string): Pattern | { problem: string } {
  const shown = JSON.stringify(text);
  if (text === '' || text.includes('\0')) return { problem: `${shown} is no path` };
  if (text.startsWith('/') || text.startsWith('~')) {
    return { problem: `${shown} is not relative to the directory of velo.toml` };
  }
  const strange = /^!|[\\[\]{}]/.exec(text)?.[0];
  if (strange !== undefined) {
    return { problem: `${shown} holds "${strange}", and only *, ? and ** have a meaning` };
  }
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) return { problem: `${shown} leaves the directory of velo.toml` };
  if (segments.some((segment) => segment.includes('**') && segment !== '**')) {
    return { problem: `${shown}: ** stands alone between slashes` };
  }
  const single = segments.filter((segment, at) => segment !== '**' || segments[at - 1] !== '**');
  if (single.at(-1) === '**') single.push('*');
  return { text, segments: single };
}

export function isWild(segment: string): boolean {
  return segment.includes('*') || segment.includes('?');
}

/** Whether a name fits. As in shells, a leading dot is only matched by a dot. */
export function fits(name: string, segment: string): boolean {
  if (name.startsWith('.') && !segment.startsWith('.')) return false;
  const text = [...name];
  const pattern = [...segment];
  let [at, p] = [0, 0];
  /** Where the last `*` stood, and how far it reached. */
  let star: { p: number; at: number } | undefined;
  while (at < text.length) {
    if (pattern[p] === '*') star = { p: p++, at };
    else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[at])) {
      at += 1;
      p += 1;
    } else if (star !== undefined) {
      star.at += 1;
      at = star.at;
      p = star.p + 1;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
