/**
 * Whether two stamps (`dev:ino:size:mtimeNs:ctimeNs`) differ in nothing but the ctime, which each
 * new name of a file moves.
 */
export function isSameButLinks(before: string, after: string | undefined): boolean {
  const content = (stamp: string) => stamp.slice(0, stamp.lastIndexOf(':'));
  return after !== undefined && content(before) === content(after);
}
