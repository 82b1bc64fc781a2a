import { describe, expect, it } from 'vitest';
import { type Download, Goodput } from '../../src/mesh/goodput.js';

const MB = 1024 * 1024;
const HUGE = 1024 * 1024 * MB;

/** A peer's goodput at a time that the test tells. */
function measure() {
  const clock = { ms: 1_000_000 };
  const goodput = new Goodput(() => clock.ms);
  const owner = {};
  /** Lets so many bytes come, again and again. */
  const flow = (download: Download, bytes: number, everyMs: number, times: number) => {
    for (let time = 0; time < times; time += 1) {
      clock.ms += everyMs;
      download.came(bytes);
    }
  };
  /** One that came so far that from now on its time counts. */
  const begun = (bytes = HUGE, by: object = owner) => {
    const download = goodput.begin(by, bytes);
    download.came(1);
    return download;
  };
  const expectedMs = (bytes: number) => goodput.expectedMs(owner, bytes);
  return { clock, goodput, owner, flow, begun, expectedMs };
}

describe('what comes from a peer', () => {
  it('says nothing of its goodput before there was enough of it for long enough', () => {
    const { begun, flow, expectedMs } = measure();
    expect(expectedMs(HUGE)).toBe(0);
    const download = begun();
    flow(download, MB, 100, 9);
    expect(expectedMs(HUGE)).toBe(0);
    flow(download, MB, 100, 1);
    expect(expectedMs(10 * MB)).toBeCloseTo(1_000);
    expect(download.arrived).toBe(10 * MB + 1);
  });

  it('says nothing where little came, until that has lasted', () => {
    const { begun, flow, expectedMs } = measure();
    const download = begun();
    flow(download, 1, 900, 3);
    expect(expectedMs(1_000)).toBe(0);
    flow(download, 1, 900, 1);
    expect(expectedMs(1_000)).toBeCloseTo(900_000);
  });

  it('is not measured between downloads, nor before one has begun to come', () => {
    const { clock, goodput, owner, flow, expectedMs } = measure();
    for (let time = 0; time < 10; time += 1) {
      using download = goodput.begin(owner, 2 * MB);
      clock.ms += 500;
      download.came(MB);
      flow(download, MB, 200, 1);
      clock.ms += 700;
    }
    expect(expectedMs(MB)).toBeCloseTo(200);
  });

  it('counts together, however many downloads there are', () => {
    const { clock, begun, flow, expectedMs } = measure();
    const downloads = [begun(), begun(), begun()];
    for (let time = 0; time < 10; time += 1) {
      clock.ms += 100;
      for (const download of downloads) flow(download, MB, 0, 1);
    }
    expect(expectedMs(30 * MB)).toBeCloseTo(1_000);
  });

  it('is what was measured last, where the link has become another', () => {
    const { begun, flow, expectedMs } = measure();
    const download = begun();
    flow(download, 10_000, 100, 200);
    expect(expectedMs(MB)).toBeGreaterThan(10_000);
    flow(download, 10 * MB, 100, 52);
    expect(expectedMs(MB)).toBeCloseTo(10);
  });

  it('is forgotten after a while, and measured anew', () => {
    const { clock, begun, flow, expectedMs } = measure();
    const slow = begun();
    flow(slow, 30_000, 100, 50);
    slow[Symbol.dispose]();
    clock.ms += 29_000;
    expect(expectedMs(MB)).toBeGreaterThan(3_000);
    clock.ms += 2_000;
    expect(expectedMs(MB)).toBe(0);
    flow(begun(), MB, 100, 10);
    expect(expectedMs(MB)).toBeCloseTo(100);
  });
});

describe('a download', () => {
  /** A peer that gives a megabyte in 100 ms. */
  function known() {
    const measured = measure();
    using download = measured.begun();
    measured.flow(download, MB, 100, 10);
    return measured;
  }

  it('shares the link with those of others, each up to its own size', () => {
    const { begun, goodput, expectedMs } = known();
    expect(expectedMs(MB)).toBeCloseTo(100);
    const large = begun(100 * MB, {});
    const small = goodput.begin({}, MB / 2);
    expect(expectedMs(MB)).toBeCloseTo(250);
    expect(expectedMs(10 * MB)).toBeCloseTo(2_050);
    large[Symbol.dispose]();
    small[Symbol.dispose]();
    expect(expectedMs(MB)).toBeCloseTo(100);
  });

  it('of several of one fetch takes nothing from the others of it', () => {
    const { goodput, owner, expectedMs } = known();
    goodput.begin(owner, 10 * MB);
    const other = {};
    goodput.begin(other, MB);
    goodput.begin(other, MB);
    expect(expectedMs(10 * MB)).toBeCloseTo(1_200);
  });
});
