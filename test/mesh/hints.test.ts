import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Dialer } from '../../src/mesh/dialer.js';
import type { Sighting } from '../../src/mesh/discovery/discovery.js';
import { addressesToUse } from '../../src/mesh/discovery/interfaces.js';
import { MdnsDiscovery } from '../../src/mesh/discovery/mdns.js';
import { parseStaticPeer, StaticDiscovery } from '../../src/mesh/discovery/static.js';
import { isOurs, makeTxt } from '../../src/mesh/discovery/tag.js';
import { ownAddresses } from '../../src/mesh/ownAddresses.js';
import type { Route } from '../../src/mesh/routes.js';
import { SeenList } from '../../src/mesh/seen.js';
import { until } from '../harness/programs.js';

const ADDRESS = { netmask: '255.255.0.0', mac: '02:00:00:00:00:01', cidr: null };
const ipv4 = (address: string, internal = false) =>
  ({ ...ADDRESS, family: 'IPv4', address, internal }) as const;
const ipv6 = (address: string, scopeid = 0) =>
  ({ ...ADDRESS, family: 'IPv6', address, internal: false, scopeid }) as const;
const INTERFACES = {
  lo: [ipv4('127.0.0.1', true)],
  eth0: [ipv4('10.77.0.1'), ipv4('10.77.0.9'), ipv6('fd00::1'), ipv6('fe80::1', 2)],
  wlan0: [ipv4('192.168.1.5')],
};

describe('interfaces', () => {
  it('are all that lead somewhere, and loopback', () => {
    expect(addressesToUse(undefined, INTERFACES)).toEqual([
      '10.77.0.1',
      '192.168.1.5',
      '127.0.0.1',
    ]);
  });

  it('are those that were configured, by name or address', () => {
    expect(addressesToUse(['wlan0'], INTERFACES)).toEqual(['192.168.1.5']);
    expect(addressesToUse(['10.77.0.9', 'lo'], INTERFACES)).toEqual(['10.77.0.9', '127.0.0.1']);
    expect(addressesToUse([], INTERFACES)).toEqual([]);
  });

  it('give the addresses of an invitation, scoped ones left out', () => {
    expect(ownAddresses(7391, INTERFACES)).toEqual([
      '10.77.0.1:7391',
      '10.77.0.9:7391',
      '192.168.1.5:7391',
      '[fd00::1]:7391',
    ]);
    expect(ownAddresses(1, { lo: INTERFACES.lo })).toEqual(['127.0.0.1:1']);
  });
});

describe('announcements', () => {
  const secret = Buffer.alloc(32, 1);

  it('are recognised by members, for their own name only', () => {
    const txt = makeTxt(secret, 'vrift-1', 1);
    expect(isOurs(secret, 'vrift-1', txt)).toBe(true);
    expect(isOurs(secret, 'vrift-2', txt)).toBe(false);
    expect(isOurs(Buffer.alloc(32, 2), 'vrift-1', txt)).toBe(false);
    expect(isOurs(secret, 'vrift-1', { ...txt, tag: '' })).toBe(false);
  });

  it('of anything at all do not end the process', async () => {
    const problems: Error[] = [];
    const discovery = new MdnsDiscovery({
      announce: { port: 1, secret },
      listAddresses: () => ['127.0.0.1', '203.0.113.9'],
      onProblem: (error) => problems.push(error),
    });
    discovery.start(() => undefined);
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    socket.setMulticastInterface('127.0.0.1');
    onTestFinished(() => void socket.close());
    const samples = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 200 }), 300);
    for (const [index, bytes] of samples.entries()) {
      // Half of them as answers with plausible counts, so that the decoder gets further.
      if (index % 2 === 0) bytes.set([0, 0, 0x84, 0, 0, 0, 0, 1].slice(0, bytes.length));
      await new Promise((resolve) => socket.send(bytes, 5353, '224.0.0.251', resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    await discovery.close();
    // There is no interface of that address: told once, worked around.
    expect(problems.map(({ message }) => message)).toContainEqual(expect.stringMatching(/203\.0/));
  });
});

describe('configured peers', () => {
  it.each([
    ['attic:7391', { host: 'attic', port: 7391 }],
    ['10.0.0.1:1', { host: '10.0.0.1', port: 1 }],
    ['[fd00::1]:7391', { host: 'fd00::1', port: 7391 }],
    ['attic', undefined],
    ['attic:0', undefined],
    ['attic:70000', undefined],
    ['a b:1', undefined],
    ['fd00::1:7391', undefined],
  ])('%s', (text, peer) => {
    expect(parseStaticPeer(text)).toEqual(peer);
  });

  it('are resolved again each time, and a name without an address does no harm', async () => {
    const answers = [[], ['10.0.0.1'], ['10.0.0.2']];
    const sightings: Sighting[] = [];
    const discovery = new StaticDiscovery([{ host: 'attic', port: 7 }], {
      resolve: async () => answers.shift() ?? [],
    });
    discovery.start((sighting) => sightings.push(sighting));
    await until('two sightings', () => sightings.length === 2);
    await discovery.close();
    expect(sightings.map(({ addresses }) => addresses)).toEqual([['10.0.0.1'], ['10.0.0.2']]);
    expect(sightings[0]).toMatchObject({ via: 'static', source: 'attic:7', port: 7 });
  });
});

describe('a sighted address', () => {
  const sighting = (...addresses: string[]): Sighting => ({
    via: 'mdns',
    source: 'vrift-1',
    addresses,
    port: 1,
  });
  const clock = { now: () => 0, monotonic: () => performance.now() };

  it('is tried again with growing pauses, and not twice at once', async () => {
    const times: number[] = [];
    const met: Route[] = [];
    const dialer = new Dialer({
      clock,
      identify: async () => {
        times.push(performance.now());
        if (times.length < 3) throw new Error('nobody');
        return 'node';
      },
      onNode: (_node, route) => met.push(route),
    });
    for (let call = 0; call < 5; call += 1) dialer.dial(sighting('10.0.0.1'), () => true);
    await until('a node', () => met.length === 1);
    dialer.close();
    expect(times).toHaveLength(3);
    expect(times[2]! - times[1]!).toBeGreaterThan(times[1]! - times[0]!);
  });

  it('of a flood waits: few are dialled at a time', () => {
    let dialled = 0;
    const dialer = new Dialer({
      clock,
      identify: () => {
        dialled += 1;
        return new Promise(() => undefined);
      },
      onNode: () => undefined,
    });
    for (let host = 0; host < 2_000; host += 1) {
      dialer.dial(sighting(`10.1.${host >> 8}.${host & 255}`), () => true);
    }
    dialer.close();
    expect(dialled).toBe(64);
  });

  it('is shown as seen until a peer explains it, and forgotten when nobody repeats it', () => {
    let now = 1_000;
    const seen = new SeenList({ now: () => now, monotonic: () => 0 });
    seen.note(sighting('10.0.0.1', '10.0.0.2'));
    expect(seen.infos(() => false)).toMatchObject([
      { state: 'seen', name: 'vrift-1', node: '', address: '10.0.0.1:1', lastSeen: 1_000 },
    ]);
    expect(seen.infos((address) => address === '10.0.0.2:1')).toEqual([]);
    now += 200_000;
    expect(seen.infos(() => false)).toEqual([]);
  });
});
