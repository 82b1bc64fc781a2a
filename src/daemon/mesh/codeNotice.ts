/** What a newcomer's screen says: what to tell whom, and what they do with it. */
export function codeNotice(code: string, mesh: string): string {
  return [
    `code: ${code}`,
    `  Read it to an admin of ${mesh}, and to nobody else. There: vrift mesh approve ${code}`,
    '  Waiting for ten minutes; Ctrl-C gives up.',
  ].join('\n');
}
