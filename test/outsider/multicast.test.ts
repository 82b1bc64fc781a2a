import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { makeTxt } from '../../src/mesh/discovery/tag.js';
import { encodeTxt } from '../../src/wire/txt.js';
import { mutated, seed } from '../fuzz/support.js';
import { Developer } from '../harness/developer.js';
import { until } from '../harness/programs.js';
import { newNode } from '../identity/support.js';
import { startRogue } from '../mesh/support.js';
import { outside, ROGUE_PORT } from './support.js';

const MDNS = { host: '224.0.0.251', port: 5353 };
const SERVICE = '_vrift._tcp.local';

/** Type and class of a question. */
const PTR_IN = Buffer.from([0, 12, 0, 1]);
const name = (text: string) =>
  Buffer.concat([
    ...text.split('.').map((part) => Buffer.from([part.length, ...Buffer.from(part)])),
    Buffer.from([0]),
  ]);

interface Announced {
  instance: string;
  port: number;
  address: string;
  txt: Record<string, string>;
  /** Seconds; 0 says goodbye. */
  ttl?: number;
}

/** An answer as a node multicasts it: PTR, SRV, TXT and A. */
function announcement({ instance, port, address, txt, ttl = 120 }: Announced): Buffer {
  const record = (owner: string, type: number, data: Buffer) => {
    const head = Buffer.alloc(10);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(type === 12 ? 1 : 0x8001, 2);
    head.writeUInt32BE(ttl, 4);
    head.writeUInt16BE(data.length, 8);
    return Buffer.concat([name(owner), head, data]);
  };
  const whole = `${instance}.${SERVICE}`;
  const host = `${instance}.local`;
  const srv = Buffer.concat([Buffer.from([0, 0, 0, 0, port >> 8, port & 255]), name(host)]);
  const pairs = Object.entries(txt).map(([key, value]) => `${key}=${value}`);
  const text = Buffer.concat(pairs.map((pair) => Buffer.from([pair.length, ...Buffer.from(pair)])));
  const records = [
    record(SERVICE, 12, name(whole)),
    record(whole, 33, srv),
    record(whole, 16, text),
    record(host, 1, Buffer.from(address.split('.').map(Number))),
  ];
  return Buffer.concat([
    Buffer.from([0, 0, 0x84, 0, 0, 0, 0, records.length, 0, 0, 0, 0]),
    ...records,
  ]);
}

/** mDNS is a hint and never believed: who is there, only connections know. */
outside(
  'announcements of a stranger',
  (at) => {
    let bob: Developer;
    afterAll(() => bob?.dispose());

    /** Alice and Bob stay connected, and Alice meets nobody else. */
    async function staysTogether(datagrams: Buffer[], perSecond = 2_000): Promise<void> {
      const before = await bob.meets(at.office.alice);
      await at.office.unharmed(async () => {
        for (let sent = 0; sent < datagrams.length; sent += perSecond / 10) {
          const some = datagrams.slice(sent, sent + perSecond / 10);
          at.office.send(some.map((bytes) => ({ ...MDNS, bytes })));
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        const peers = await at.office.alice.peers();
        const connected = peers.filter(({ state }) => state === 'connected');
        expect(connected).toHaveLength(1);
        expect(peers.length).toBeLessThan(300);
        const since = (await bob.peers()).find(({ node }) => node === before.node)!;
        expect(since.state).toBe('connected');
        const { stdout } = await at.office.alice.vrift(['log']);
        expect(stdout).not.toMatch(/peer- /);
      });
    }

    it('do not keep members from finding each other', async () => {
      const host = at.office.lan.hosts[1]!;
      bob = await Developer.create('bob', { host, workspace: 'bound' });
      await bob.start();
      await bob.join(at.office.alice);
      await bob.meets(at.office.alice);
      await at.office.alice.meets(bob);
    });

    const copied = (instance: string, change: Partial<Announced> = {}): Announced => {
      const { secret } = at.office.mallory.membership;
      const txt = encodeTxt(makeTxt(secret, instance, 1));
      return { instance, port: at.office.port, address: '10.77.0.1', txt, ...change };
    };

    it('with a true tag, and a wrong port or somebody else’s address, lead nowhere', async () => {
      // A stranger that says what a member of this mesh would say.
      const { key } = await newNode();
      const { membership } = at.office.founder;
      const dir = at.office.founder.dir;
      await at.office.serveAsOutsider(await startRogue({ dir, key, membership }, () => false));
      const lies = [
        copied('vrift-000000000006', { address: '10.77.0.3', port: ROGUE_PORT }),
        copied('vrift-000000000001', { port: 9 }),
        copied('vrift-000000000002', { port: 22, address: '10.77.0.2' }),
        copied('vrift-000000000003', { address: '203.0.113.9' }),
        copied('vrift-000000000004', { address: '127.0.0.1', port: 1 }),
        copied('vrift-000000000005', { port: 0, address: '255.255.255.255' }),
      ];
      await staysTogether(lies.map(announcement));
      const shown = (await at.office.alice.peers()).map(({ name: each }) => each);
      expect(shown).toEqual(
        expect.arrayContaining(lies.slice(0, 4).map(({ instance }) => instance)),
      );
    });

    it('with a node’s own name, and goodbyes for it, end no connection', async () => {
      const names = await until('both names', () => {
        return at.office.overheard.size >= 2 ? [...at.office.overheard] : undefined;
      });
      const lies = names.flatMap((instance) => [
        copied(instance, { port: 9, address: '10.77.0.3' }),
        copied(instance, { ttl: 0 }),
        copied(instance, { ttl: 0, address: '10.77.0.2' }),
      ]);
      await staysTogether([...lies, ...lies, ...lies].map(announcement));
    });

    it('of bytes that are nearly right do nothing', async () => {
      const samples = [
        announcement(copied('vrift-00000000000a', { port: 9 })),
        announcement(copied('vrift-00000000000b', { port: 9, address: '10.77.0.3' })),
        Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), name(SERVICE), PTR_IN]),
      ];
      await staysTogether(fc.sample(mutated(samples), { seed, numRuns: 6_000 }));
    }, 60_000);

    it('of ten thousand names cost memory for a few hundred', async () => {
      const lies = Array.from({ length: 10_000 }, (_, index) => {
        const instance = `vrift-${index.toString(16).padStart(12, '0')}`;
        return copied(instance, { address: `10.77.${index >> 8}.${index & 255}`, port: 9 });
      });
      await staysTogether(lies.map(announcement));
      const seen = (await at.office.alice.peers()).filter(({ state }) => state === 'seen');
      expect(seen.length).toBeGreaterThan(200);
    }, 60_000);
  },
  { holds: true },
);
