import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HINTS } from '../../src/base/errors.js';
import { inProject } from '../harness/project.js';

const CODES = Object.keys(HINTS);

/** `| \`VRIFT_…\` | when | what to do |` */
function documented(): { code: string; when: string; what: string }[] {
  const text = readFileSync(inProject('docs', 'errors.md'), 'utf8');
  return [...text.matchAll(/^\| `(VRIFT_[A-Z_]+)` \| (.+) \| (.+) \|$/gm)].map(
    ([, code, when, what]) => ({ code: code!, when: when!, what: what! }),
  );
}

describe('error codes', () => {
  it('stand in docs/errors.md, each once and no other', () => {
    const codes = documented().map((row) => row.code);
    expect(codes.toSorted()).toEqual(CODES.toSorted());
  });

  it('come with a next step that is a sentence', () => {
    for (const [code, hint] of Object.entries(HINTS)) expect(hint, code).toMatch(/^[A-Z].{15,}\.$/);
    for (const { code, when, what } of documented()) {
      expect(when.length, code).toBeGreaterThan(10);
      expect(what.length, code).toBeGreaterThan(10);
    }
  });

  it('are used somewhere', () => {
    const source = inProject('src');
    const text = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== join('base', 'errors.ts'))
      .map((file) => readFileSync(join(source, file), 'utf8'))
      .join('\n');
    const used = new Set([...text.matchAll(/\bVRIFT_[A-Z_]+\b/g)].map((match) => match[0]));
    used.add('VRIFT_INTERNAL'); // made by base/errors.ts itself
    expect(CODES.filter((code) => !used.has(code))).toEqual([]);
  });
});
