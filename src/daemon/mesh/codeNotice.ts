/** What a newcomer's screen says: what to tell whom, and what they do with it. */
export function codeNotice(code: string, mesh: { name: string; id: string }): string {
  return [
    `code: ${code}`,
    `  Read it to an admin of ${mesh.name} (${mesh.id.slice(0, 12)}), and to nobody else.`,
    `  There: vrift mesh approve ${code}`,
    '  Waiting for ten minutes; Ctrl-C gives up.',
  ].join('\n');
}
