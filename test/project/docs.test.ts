import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inProject, PROJECT_ROOT } from '../harness/project.js';

const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(inProject('docs')).map((name) => join('docs', name)),
].filter((name) => name.endsWith('.md'));

const textOf = (name: string) => readFileSync(inProject(name), 'utf8');

/** As the compiler knows them. */
const REASONS = [
  ...textOf('src/compilers/plan.ts')
    .split('export type BypassReason =')[1]!
    .split(';')[0]!
    .matchAll(/'([^']+)'/g),
].map(([, reason]) => reason!);

/** Calls that no build makes, and what a user decided himself. */
const NOT_FOR_USERS = [
  'not a compiler',
  'crate name',
  'target output names',
  'switched off',
  'project configuration',
];

describe('the documents', () => {
  it('are all there', () => {
    const wanted = ['architecture', 'protocol', 'keying', 'errors', 'limits'];
    for (const name of wanted) expect(DOCUMENTS).toContain(join('docs', `${name}.md`));
  });

  it('link to files that exist', () => {
    const links = DOCUMENTS.flatMap((name) =>
      [...textOf(name).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map((match) => ({
        name,
        target: join(dirname(name), match[1]!),
      })),
    );
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter(({ target }) => !existsSync(inProject(target)))).toEqual([]);
  });

  it('name documents that exist', () => {
    const named = DOCUMENTS.flatMap((name) =>
      [...textOf(name).matchAll(/\bdocs\/[\w-]+\.md\b/g)].map((match) => match[0]),
    );
    expect(new Set(named.filter((path) => !existsSync(inProject(path))))).toEqual(new Set());
  });

  it('name a test for every row of what is cached and what is not', () => {
    const [, section = ''] = textOf('docs/limits.md').split('## What is cached, and what is not\n');
    const table = section
      .split('\n## ')[0]!
      .split('\n')
      .filter((line) => line.startsWith('| '));
    const rows = table.slice(1).filter((line) => !line.startsWith('| **'));
    expect(rows.length).toBeGreaterThan(40);
    for (const row of rows) {
      const tests = [
        ...row
          .split(' | ')
          .at(-1)!
          .matchAll(/\w+\.test\.ts/g),
      ].map(([name]) => name);
      expect(tests, row).not.toEqual([]);
      const lost = tests.filter((name) => !existsSync(inProject('test', 'traps', name)));
      expect(lost, row).toEqual([]);
      // A reason in the row is one that the test asks for by name.
      const texts = tests.map((name) => textOf(join('test', 'traps', name))).join('\n');
      const reasons = [...row.split(' | ')[1]!.matchAll(/`([a-z-]+(?: [A-Za-z0-9-]+)*)`/g)];
      for (const [, reason] of reasons.filter(([, name]) => REASONS.includes(name!))) {
        if (!texts.includes(reason!)) expect(row).toBe(`a row whose tests see ${reason}`);
      }
    }
  });

  it('say what happens for every reason that is counted', () => {
    const table = textOf('docs/limits.md');
    const said = REASONS.filter((reason) => !table.includes(`\`${reason}\``));
    expect(said).toEqual(NOT_FOR_USERS);
  });

  it('name scripts that package.json has', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const named = DOCUMENTS.flatMap((name) =>
      [...textOf(name).matchAll(/\bnpm run ([\w-]+)/g)].map((match) => match[1]!),
    );
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('and sources do not name the directory they stand in', () => {
    const places = ['README.md', 'CHANGELOG.md', 'docs', 'src', 'bin', 'bench', '.ci', 'test'];
    const files = places.flatMap((place) =>
      place.includes('.md')
        ? [place]
        : readdirSync(inProject(place), { recursive: true, encoding: 'utf8' })
            .map((name) => join(place, name))
            .filter((name) => /\.(md|ts|mjs|rs|toml|json)$/.test(name) || name === '.ci/run')
            .filter((name) => !/(^|\/)(target|\.cache)\//.test(name)),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((name) => textOf(name).includes(PROJECT_ROOT))).toEqual([]);
  });
});
