import { splitWords } from './depInfo.js';

/** Files that the linker opened, from `--dependency-file` (lld, bfd, gold and mold alike). */
export function parseLinkInputs(text: string): string[] {
  const inputs = new Set<string>();
  const rule = text.replaceAll('\\\n', ' ').split('\n')[0] ?? '';
  const words = splitWords(rule, true);
  const colon = words.findIndex((word) => word.colon);
  for (const word of words.slice(colon + 1)) inputs.add(word.text);
  return [...inputs];
}
