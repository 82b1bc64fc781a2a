import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asDigest } from '../../src/base/digest.js';
import { Flights } from '../../src/pipeline/flights.js';
import { Lull } from '../../src/pipeline/lull.js';

describe('a lull', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Whether it has come, told by a flag: a promise cannot be asked. */
  function expected(lull: Lull): { came: boolean } {
    const state = { came: false };
    void lull.next().then(() => {
      state.came = true;
    });
    return state;
  }

  it('comes when the last caller waits no longer, and not between two calls of one build', async () => {
    const lull = new Lull();
    const first = lull.begin();
    const state = expected(lull);
    await vi.advanceTimersByTimeAsync(500);
    first[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(20);
    const second = lull.begin();
    await vi.advanceTimersByTimeAsync(500);
    expect(state.came).toBe(false);
    second[Symbol.dispose]();
    second[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(60);
    expect(state.came).toBe(true);
  });

  it('counts a caller once, however often it is let go', async () => {
    const lull = new Lull();
    const first = lull.begin();
    using _second = lull.begin();
    const state = expected(lull);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(500);
    expect(state.came).toBe(false);
  });

  it('comes in the middle of a long build after all', async () => {
    const lull = new Lull();
    using _busy = lull.begin();
    const state = expected(lull);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(state.came).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(state.came).toBe(true);
  });

  it('comes for the one that is wanted, and for nobody else', async () => {
    const lull = new Lull();
    using _busy = lull.begin();
    const others = expected(lull);
    await lull.next(Promise.resolve());
    expect(others.came).toBe(false);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(others.came).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['before', 'after'])(
    'comes at once for who is asked for the same unit %s it',
    async (when) => {
      const lull = new Lull();
      using _busy = lull.begin();
      const flights = new Flights();
      const key = asDigest('ab'.repeat(32));
      const first = await flights.take(key, 60_000);
      const store = () => lull.next(first.wanted).then(() => first[Symbol.dispose]());
      const stored = when === 'after' ? store() : undefined;
      const second = flights.take(key, 60_000);
      await (stored ?? store());
      using _second = await second;
      expect(vi.getTimerCount()).toBe(0);
    },
  );
});
