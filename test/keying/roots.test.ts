import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rootsFor } from './support.js';

describe('roots', () => {
  it('names a path after the most specific root', () => {
    const roots = rootsFor({ outside: ['/home/alice/src/shared'] });
    expect(roots.map('/home/alice/src/ws/src/lib.rs')).toBe('/vr/ws/src/lib.rs');
    expect(roots.map('/home/alice/src/ws/target/debug')).toBe('/vr/target/debug');
    expect(roots.map('/home/alice/src/shared/src/lib.rs')).toBe('/vr/path/shared/src/lib.rs');
    expect(roots.map('/home/alice/src/wsx')).toBe('/vr/home/src/wsx');
    expect(roots.map('/usr/include/x.h')).toBe('/usr/include/x.h');
  });

  it('keeps CARGO_HOME apart when it lies inside the workspace', () => {
    const roots = rootsFor({ cargoHome: '/home/alice/src/ws/.cargo-home' });
    expect(roots.map('/home/alice/src/ws/.cargo-home/registry/x')).toBe('/vr/cargo/registry/x');
    const flags = roots.remaps().map(([from]) => from);
    const order = ['/home/alice/src/ws', '/home/alice/src/ws/.cargo-home'];
    expect(flags.filter((from) => order.includes(from))).toEqual(order);
  });

  it('gives two developers the same names', () => {
    const alice = rootsFor();
    const bob = rootsFor({
      workspace: '/w',
      targetDir: '/t',
      cargoHome: '/c',
      sysroot: '/r',
      home: '/h',
    });
    expect(bob.map('/c/registry/a')).toBe(alice.map('/home/alice/.cargo/registry/a'));
    expect(bob.map('/t/debug/x')).toBe(alice.map('/home/alice/src/ws/target/debug/x'));
    expect(bob.map('/w/src')).toBe(alice.map('/home/alice/src/ws/src'));
  });

  it('tells two outside packages of one name apart', () => {
    const roots = rootsFor({ outside: ['/x/shared', '/y/shared'] });
    expect(roots.map('/x/shared/a')).not.toBe(roots.map('/y/shared/a'));
  });

  it('finds its way back from every name', () => {
    const roots = rootsFor({
      outDir: '/home/alice/src/ws/target/debug/build/a-1/out',
      outside: ['/home/alice/src/shared'],
    });
    const tops = roots.names().map(({ real }) => real);
    fc.assert(
      fc.property(
        fc.constantFrom(...tops),
        fc.array(fc.stringMatching(/^[a-z. "#$-]{1,8}$/), { maxLength: 4 }),
        (top, parts) => {
          const path = [top, ...parts].join('/');
          expect(roots.expand(roots.map(path))).toBe(path);
        },
      ),
    );
  });

  it('replaces whole components in texts only', () => {
    const roots = rootsFor();
    expect(roots.mapText('at /home/alice/src/ws/a.rs:3')).toBe('at /vr/ws/a.rs:3');
    expect(roots.mapText('/home/alice/src/ws2')).toBe('/vr/home/src/ws2');
    expect(roots.mapText('x/home/alice/src')).toBe('x/home/alice/src');
  });
});
