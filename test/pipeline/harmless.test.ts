import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { harmless, harmlessOrders } from '../../src/pipeline/harmless.js';

const RED = '\u001b[1m\u001b[38;5;9merror\u001b[0m: no such thing';

const OBEYED = /(?!\t)[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

function withoutColours(text: string): string {
  const [first = '', ...rest] = text.split('\u001b');
  const parts = rest.map((part) => {
    const plain = part.replace(/^\[[0-9;:]*m/, '');
    return plain === part ? `\u001b${part}` : plain;
  });
  return first + parts.join('');
}

describe('messages of a result', () => {
  it('keep their colours, line ends and tabs', () => {
    const text = `${RED}\r\n\tat x\n${JSON.stringify({ rendered: `${RED}\n\tat C:\\u001b` })}\n`;
    expect(harmless(text)).toBe(text);
  });

  const evil: [string, string, string][] = [
    ['a cursor that goes up', 'a\u001b[2Ab', 'ab'],
    ['a cleared screen', 'a\u001b[2J\u001b[Hb', 'ab'],
    ['a title', 'a\u001b]0;owned\u0007b', 'ab'],
    ['a clipboard', 'a\u001b]52;c;cm0=\u001b\\b', 'ab'],
    ['a device control string', 'a\u001bPq#0\u001b\\b', 'ab'],
    ['a sequence of the upper half', 'a\u009b2Jb', 'ab'],
    ['another character set', 'a\u001b(0b', 'ab'],
    ['a reset', 'a\u001bcb', 'ab'],
    ['backspaces', 'a\b\bb', 'ab'],
    ['an overwritten line', 'a\rb', 'ab'],
    ['a bell', 'a\u0007b', 'ab'],
    ['a text that runs backwards', 'a\u202eb', 'ab'],
    ['a sequence that is cut off', 'a\u001b[', 'a'],
    ['a colour with something behind it', 'a\u001b[31m\u001b[2Jb', 'a\u001b[31mb'],
  ];
  it.each(evil)('lose %s, in plain text and in JSON', (_what, text, rest) => {
    expect(harmless(text)).toBe(rest);
    expect(harmless(`x\n${text}\ny`)).toBe(`x\n${rest}\ny`);
    const line = (message: string) => JSON.stringify({ rendered: message, code: null });
    const shown = (json: string) => (JSON.parse(json) as { rendered: string }).rendered;
    const written = [line(text), asEscapes(text)];
    for (const json of written) {
      const cleaned = shown(harmless(json));
      expect(withoutColours(cleaned)).not.toMatch(OBEYED);
    }
  });

  it('hold nothing that a terminal obeys but colours, whatever was printed', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\u001b',
        '\u009b',
        '[',
        ']',
        'm',
        '2J',
        ';',
        '\\',
        '"',
        '\r',
        '\u0007',
        '31m',
      ),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.boolean(), (pieces, escapes) => {
        const text = pieces.join('').replaceAll('\n', '');
        const json = escapes ? asEscapes(text) : JSON.stringify({ rendered: text });
        const { rendered } = JSON.parse(harmless(json)) as { rendered: string };
        for (const shown of [harmless(text), rendered]) {
          const plain = withoutColours(shown).replace(/\r$/, '');
          expect(plain).not.toMatch(OBEYED);
        }
      }),
    );
  });

  it('are cleaned where cargo shows them, however a script begins or breaks the line', () => {
    for (const start of ['', '\t ', '\u0085', 'cargo:rustc-cfg=a\n']) {
      for (const order of ['cargo:warning=', 'cargo::error=']) {
        const shown = harmlessOrders(`${start}${order}a\r\u2028\u001b[2Jb\nx`);
        expect(shown.endsWith(`${order}a\u2028b\nx`)).toBe(true);
      }
    }
    // What cargo obeys it gets byte by byte.
    for (const obeyed of ['cargo:rustc-env=A=\u001b[2J', 'x\rcargo:warning=\u001b[2J']) {
      expect(harmlessOrders(obeyed)).toBe(obeyed);
    }
  });

  it('are read in time that grows with their length', () => {
    const long = '\u001b]'.repeat(100_000) + '\u001b['.repeat(100_000) + '\\u001b['.repeat(100_000);
    const started = performance.now();
    harmless(long);
    harmless(`{${long}`);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

/** JSON that writes every character as an escape where that is possible. */
function asEscapes(text: string): string {
  const escaped = [...Array(text.length).keys()].map((at) => {
    return `\\u${text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')}`;
  });
  return `{"rendered":"${escaped.join('')}"}`;
}
