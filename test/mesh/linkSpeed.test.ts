import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { isSlowLink } from '../../src/base/linkSpeed.js';

describe('a link', () => {
  it.each([
    ['127.0.0.1', '127.0.0.2'],
    ['127.0.0.9', '127.0.0.1'],
    ['::1', '::1'],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.5'],
    // No interface of this machine.
    ['192.0.2.77', '192.0.2.78'],
    [undefined, undefined],
  ])('from %s to %s is fast', (localAddress, remoteAddress) => {
    expect(isSlowLink({ localAddress, remoteAddress })).toBe(false);
  });

  it('to this very machine is fast, whatever the interface', () => {
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    for (const { address } of own) {
      expect(isSlowLink({ localAddress: address, remoteAddress: address })).toBe(false);
    }
  });
});
