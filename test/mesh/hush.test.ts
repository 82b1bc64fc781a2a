import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MeshEvent } from '../../src/mesh/events.js';
import { hushed } from '../../src/mesh/hush.js';

const knock = (node: string): MeshEvent => ({
  kind: 'knock',
  node,
  name: 'x',
  address: '10.0.0.9',
});
const refused: MeshEvent = {
  kind: 'join-refused',
  node: 'n',
  code: 'VRIFT_JOIN_REFUSED',
  message: 'no such invitation',
};

describe('what strangers cause', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is told twenty times a minute and kind, and then how often it was not', () => {
    const told: MeshEvent[] = [];
    const tell = hushed((event) => told.push(event));
    for (let count = 0; count < 1_000; count += 1) tell(knock(`n${count}`));
    for (let count = 0; count < 5; count += 1) tell(refused);
    expect(told).toHaveLength(25);
    vi.advanceTimersByTime(60_000);
    expect(told.slice(25)).toEqual([{ kind: 'hushed', of: 'knock', count: 980 }]);
    tell(knock('later'));
    tell(refused);
    expect(told.slice(26)).toEqual([knock('later'), refused]);
  });

  it('hushes nothing else', () => {
    const told: MeshEvent[] = [];
    const tell = hushed((event) => told.push(event));
    for (let count = 0; count < 50; count += 1) tell({ kind: 'roster', members: count });
    expect(told).toHaveLength(50);
  });
});
