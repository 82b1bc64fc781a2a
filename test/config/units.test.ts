import { expect, it } from 'vitest';
import { parseDuration, parseSize } from '../../src/wire/units.js';

it.each([
  ['50GB', 50e9],
  ['500MiB', 500 * 2 ** 20],
  ['1.5 TB', 1.5e12],
  ['10gb', 10e9],
  ['4096', 4096],
  ['7B', 7],
])('reads the size %s', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

it.each(['', 'GB', '-1', '1e9', '50G', '5 XB', '1.', '99999999TB', '١GB'])(
  'refuses the size %j',
  (text) => {
    expect(parseSize(text)).toBeUndefined();
  },
);

it('reads durations', () => {
  expect(['90s', '15m', '2h', '30d', '1w', '0.5h'].map(parseDuration)).toEqual([
    90_000, 900_000, 7_200_000, 2_592_000_000, 604_800_000, 1_800_000,
  ]);
  expect(['', '15', 'm', '15min', '-1m'].map(parseDuration)).toEqual(Array(5).fill(undefined));
});
