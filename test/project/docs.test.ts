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
