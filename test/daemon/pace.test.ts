import { expect, it } from 'vitest';
import { Pace } from '../../src/daemon/converge/pace.js';

it('asks all of a small mesh at once, and two hundred peers one in a minute', () => {
  let nowMs = 5;
  const pace = new Pace(nowMs);
  const asked: number[] = [];
  while (asked.length < 200) {
    nowMs += pace.waitMs(nowMs);
    pace.take(nowMs);
    asked.push(nowMs);
  }
  expect(asked.filter((at) => at === 5)).toHaveLength(16);
  expect(asked.at(-1)).toBeGreaterThan(183 * 60_000);
  // Who was idle for long does not save up more.
  nowMs += 1e9;
  for (let peer = 0; peer < 16; peer += 1) {
    expect(pace.waitMs(nowMs)).toBe(0);
    pace.take(nowMs);
  }
  expect(pace.waitMs(nowMs)).toBe(60_000);
});
