import { expect, it } from 'vitest';
import type { Manifest } from '../../src/base/result.js';
import { firstDifference } from '../../src/keying/manifest.js';
import { SECRET } from '../../src/keying/secret.js';
import { hasher, rootsFor } from './support.js';

const files = {
  digest: () => undefined,
  exists: () => false,
  read: () => undefined,
  list: () => undefined,
  realpath: (path: string) => path,
};

function naming(env: Manifest['env']): Manifest {
  return { schema: 1, inputs: [], env, absent: [], listed: [], observed: [], bound: [] };
}

it('a peer that guesses the value of a secret variable does not learn that it was right', () => {
  const env = new Map([
    ['DB_PASSWORD', 'hunter2'],
    ['PLAIN', 'x'],
  ]);
  const look = (manifest: Manifest, reach: 'any' | 'known-roots') =>
    firstDifference(manifest, rootsFor(), env, files, hasher, reach);
  const guess = (value: string) => naming([['DB_PASSWORD', hasher.hash(value)]]);
  expect(look(guess('hunter2'), 'known-roots')).toEqual(look(guess('wrong'), 'known-roots'));
  expect(look(guess('hunter2'), 'known-roots')?.input).toBe('variable DB_PASSWORD');
  // One's own results are compared, and what is unset is no secret.
  expect(look(guess('hunter2'), 'any')).toBeUndefined();
  expect(look(naming([['API_TOKEN', null]]), 'known-roots')).toBeUndefined();
  expect(look(naming([['PLAIN', hasher.hash('x')]]), 'known-roots')).toBeUndefined();
});

it('names of secrets are known however they are written', () => {
  const secret = [
    'API_TOKEN',
    'npm_token',
    'MY_SECRET_X',
    'PGPASSWORD',
    'AWS_ACCESS_KEY',
    'api_key',
  ];
  expect(secret.filter((name) => !SECRET.test(name))).toEqual([]);
  expect(
    ['KEYBOARD', 'MY_KEYS', 'PATH', 'CARGO_PKG_NAME'].filter((name) => SECRET.test(name)),
  ).toEqual([]);
});
