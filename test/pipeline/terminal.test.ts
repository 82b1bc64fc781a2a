import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { warningsWithoutControls, withoutControls } from '../../src/pipeline/terminal.js';

const ESC = '\u001b';

describe('messages that are shown again', () => {
  it.each([
    ['a title', `${ESC}]0;owned\u0007`],
    ['a cleared screen', `${ESC}[2J`],
    ['a cursor that moves', `${ESC}[1A`],
    ['a line that is written over', 'error\rfine '],
    ['the eight-bit form', '\u009b2J'],
    ['deleted characters', 'rm\b\b'],
    ['text from right to left', '\u202eevil'],
  ])('lose %s', (_what, text) => {
    for (const shown of [withoutControls(text), rendered(withoutControls(json(text)))]) {
      expect(shown).toContain('\ufffd');
      expect(shown).not.toMatch(/\u202e|\p{Cc}/u);
    }
  });

  it('keep colours, tabs, line ends and every other character', () => {
    const text = `${ESC}[0m${ESC}[1;38;5;9merror${ESC}[m:\tnaïve — \\u001b]0; \\\\ 日本\r\nnext\n`;
    expect(withoutControls(text)).toBe(text);
    expect(rendered(withoutControls(json(text)))).toBe(text);
  });

  it('are JSON afterwards as before, and are cleaned once', () => {
    const hostile = fc.array(fc.constantFrom(ESC, '[', '2', 'm', 'J', '\\', 'u001b', '\r', 'é'));
    const property = fc.property(hostile, (parts) => {
      const text = parts.join('');
      const clean = withoutControls(json(text));
      expect(rendered(clean)).toBe(withoutControls(text));
      expect(withoutControls(clean)).toBe(clean);
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

describe('what a build script says', () => {
  it('reaches cargo as it was, but for warnings', () => {
    const said = `cargo:rustc-env=A=${ESC}[2J\ncargo:warning=${ESC}[2Jx\ncargo::warning=\u0007\n`;
    const expected = `cargo:rustc-env=A=${ESC}[2J\ncargo:warning=\ufffd[2Jx\ncargo::warning=\ufffd\n`;
    expect(warningsWithoutControls(said)).toBe(expected);
  });
});

const json = (text: string) => JSON.stringify({ rendered: text });
const rendered = (line: string) => (JSON.parse(line) as { rendered: string }).rendered;
