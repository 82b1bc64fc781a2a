import type { PlannedOutput } from '../compilers/plan.js';
import { escapeEnv, escapeWord, splitWords } from '../keying/depInfo.js';
import type { Environment } from '../keying/ports.js';
import type { Roots } from '../keying/roots.js';

/** A stored dep-info file: lines of words, real paths as names, own outputs as `/vr/self/ROLE`. */
interface DepFile {
  schema: 1;
  lines: ({ words: [text: string, colon: 0 | 1][] } | { env: string } | { raw: string })[];
}

/** Takes this home out of a `.d` file; `# env-dep` lines keep the name and lose the value. */
export function packDepFile(text: string, outputs: readonly PlannedOutput[], roots: Roots): Buffer {
  const own = new Map(outputs.map((output) => [output.spelt, `/vr/self/${output.role}`]));
  const lines = text.split('\n').map((line): DepFile['lines'][number] => {
    if (line.startsWith('# env-dep:')) {
      const pair = line.slice('# env-dep:'.length);
      const equals = pair.indexOf('=');
      return { env: equals < 0 ? pair : pair.slice(0, equals) };
    }
    if (line === '' || line.startsWith('#')) return { raw: line };
    return {
      words: splitWords(line).map((word) => [
        own.get(word.text) ?? roots.map(word.text),
        word.colon ? 1 : 0,
      ]),
    };
  });
  return Buffer.from(JSON.stringify({ schema: 1, lines } satisfies DepFile), 'utf8');
}

/**
 * The `.d` file as the compiler would have written it for this caller.
 *
 * @returns undefined when the stored form names something that this call does not have
 */
export function unpackDepFile(
  packed: Buffer,
  outputs: readonly PlannedOutput[],
  roots: Roots,
  env: Environment,
): string | undefined {
  const own = new Map(outputs.map((output) => [`/vr/self/${output.role}`, output.spelt]));
  const file = parse(packed);
  if (file === undefined) return undefined;
  const text: string[] = [];
  for (const line of file.lines) {
    if ('raw' in line) text.push(line.raw);
    else if ('env' in line) text.push(envLine(line.env, env));
    else {
      const words: string[] = [];
      for (const [word, colon] of line.words) {
        const real = own.get(word) ?? roots.expand(word);
        if (real === undefined) return undefined;
        words.push(escapeWord(real) + (colon ? ':' : ''));
      }
      text.push(words.join(' '));
    }
  }
  return text.join('\n');
}

function parse(packed: Buffer): DepFile | undefined {
  try {
    const value = JSON.parse(packed.toString('utf8')) as DepFile | null;
    const isWhole = value?.schema === 1 && Array.isArray(value.lines) && value.lines.every(isLine);
    return isWhole ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One line makes one line: with a line break in it, it could say more than it seems to. */
function isLine(line: unknown): boolean {
  if (typeof line !== 'object' || line === null) return false;
  if ('raw' in line) return isText(line.raw) && /^(#|$)/.test(line.raw);
  if ('env' in line) return isText(line.env);
  return 'words' in line && Array.isArray(line.words) && line.words.every(isWord);
}

function isWord(word: unknown): boolean {
  return Array.isArray(word) && word.length === 2 && isText(word[0]);
}

function isText(text: unknown): text is string {
  return typeof text === 'string' && !text.includes('\n');
}

function envLine(escapedName: string, env: Environment): string {
  const value = env.get(escapedName);
  return value === undefined
    ? `# env-dep:${escapedName}`
    : `# env-dep:${escapedName}=${escapeEnv(value)}`;
}
