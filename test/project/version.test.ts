import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VERSION } from '../../src/wire/version.js';
import { inProject } from '../harness/project.js';

const read = (path: string) => readFileSync(inProject(path), 'utf8');

it('has one version everywhere', () => {
  expect(JSON.parse(read('package.json')).version).toBe(VERSION);
  expect(JSON.parse(read('package-lock.json')).version).toBe(VERSION);
});

it('has a changelog entry for its version, the newest first', () => {
  const versions = [...read('CHANGELOG.md').matchAll(/^## (\d+\.\d+\.\d+)/gm)].map(
    (match) => match[1],
  );
  expect(versions[0]).toBe(VERSION);
});
