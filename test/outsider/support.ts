import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Membership } from '../../src/identity/membership.js';
import { NodeKey } from '../../src/identity/nodeKey.js';
import { ALPN_PEER } from '../../src/wire/join.js';
import { Developer } from '../harness/developer.js';
import { has } from '../harness/needs.js';
import { Lan, type LanHost } from '../harness/netns.js';
import { inProject } from '../harness/project.js';
import { newMember, temporaryDir } from '../identity/support.js';
import type { Member } from '../mesh/support.js';

/** Where a member that turned serves, on the outsider's host. */
export const ROGUE_PORT = 7777;

const MAX_GROWTH_BYTES = 96 * 1024 * 1024;

/**
 * Alice's real node on a host of its own, and on a third host whoever attacks it. The test knows
 * the keys of the members that turn; Alice's node has no idea.
 */
export class Office implements AsyncDisposable {
  readonly lan: Lan;
  readonly alice: Developer;
  /** A member whose key is in the wrong hands, and one that was shut out. */
  readonly mallory: Member;
  readonly revoked: Member;
  /** An admin that was shut out, with a memory of before. */
  readonly exAdmin: Member;
  /** Alice's membership as it was before her node started: it can sign for her. */
  readonly founder: Member;
  port = 0;
  /** Names that nodes announced. */
  readonly overheard = new Set<string>();
  readonly #sockets = temporaryDir();
  readonly #children: ChildProcess[] = [];
  #gateway: ChildProcess | undefined;
  #count = 0;

  private constructor(lan: Lan, alice: Developer, members: Member[]) {
    this.lan = lan;
    this.alice = alice;
    const [founder, mallory, revoked, exAdmin] = members as [Member, Member, Member, Member];
    this.founder = founder;
    this.mallory = mallory;
    this.revoked = revoked;
    this.exAdmin = exAdmin;
  }

  /** @param config more of Alice's config.toml */
  static async open(config = ''): Promise<Office> {
    const lan = await Lan.open(3);
    const mesh = `[mesh]\nname = "alice"\n${config}`;
    const host = lan.hosts[0]!;
    const alice = await Developer.create('alice', { host, workspace: 'bound', config: mesh });
    const dir = join(alice.vriftHome, 'identity');
    const key = await NodeKey.open(dir);
    const membership = await Membership.create(dir, key, 'attic', 'alice');
    const mallory = await newMember(membership);
    const revoked = await newMember(membership);
    const exAdmin = await newMember(membership, 'admin');
    for (const { key: gone } of [revoked, exAdmin]) {
      membership.revoke(gone.nodeId, { keepAdded: false });
    }
    mallory.membership.merge(membership.statements());
    const office = new Office(lan, alice, [{ dir, key, membership }, mallory, revoked, exAdmin]);
    office.port = (await alice.start()).port!;
    office.#gateway = await office.openGateway(office.outsider, {
      out: [{ socket: office.#path('alice'), host: lan.hosts[0]!.address, port: office.port }],
      into: [{ port: ROGUE_PORT, socket: office.#path('rogue') }],
      from: office.outsider.address,
    });
    return office;
  }

  get outsider(): LanHost {
    return this.lan.hosts[2]!;
  }

  /** A gateway on any host; `out` and `into` as in fixtures/gateway.mjs. */
  async openGateway(host: LanHost, routes: object): Promise<ChildProcess> {
    const script = inProject('test/outsider/fixtures/gateway.mjs');
    const child = host.node(script, [JSON.stringify(routes)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    const lines = createInterface(child.stdout!);
    lines.on('line', (line) => {
      if (line.startsWith('name ')) this.overheard.add(line.slice(5));
    });
    await once(lines, 'line');
    return child;
  }

  /** A way from a host to one of its ports. @returns the unix socket's path */
  async wayTo(from: LanHost, host: string, port: number): Promise<string> {
    const socket = this.#path(`way${++this.#count}`);
    await this.openGateway(from, { out: [{ socket, host, port }] });
    return socket;
  }

  /** A bare connection from the outsider's host to Alice's mesh port. */
  tcp(): Socket {
    const socket = createConnection({ path: this.#path('alice'), allowHalfOpen: false });
    socket.on('error', () => {});
    return socket;
  }

  /** TLS over it, as a node would or as `options` say. */
  dial(identity: NodeKey | undefined, options: ConnectionOptions = {}): TLSSocket {
    const { path = this.#path('alice'), ...rest } = options;
    const socket = connect({
      path,
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN_PEER],
      ...(identity && { key: identity.keyPem, cert: identity.certPem }),
      ...rest,
    });
    socket.on('error', () => {});
    return socket;
  }

  /** Datagrams from the outsider's host. */
  send(datagrams: readonly { host: string; port: number; bytes: Buffer }[]): void {
    for (const { host, port, bytes } of datagrams) {
      this.#gateway!.stdin!.write(
        `${JSON.stringify({ host, port, hex: bytes.toString('hex') })}\n`,
      );
    }
  }

  /** What comes to ROGUE_PORT of the outsider's host goes to a server of the test, `host:port`. */
  async serveAsOutsider(address: string): Promise<void> {
    const port = Number(address.split(':')[1]);
    const server = createServer((near) => {
      const far = createConnection({ host: '127.0.0.1', port });
      for (const [a, b] of [
        [near, far],
        [far, near],
      ] as const) {
        a.on('error', () => b.destroy());
        a.pipe(b);
      }
    });
    await new Promise<void>((resolve) => server.listen(this.#path('rogue'), resolve));
  }

  /** Takes Alice off the network until the test ends, and stands at her address and port. */
  async impersonate(address: string, port: number): Promise<void> {
    const { namespace } = this.outsider;
    const ip = (...args: string[]) => execFileSync('ip', ['-n', namespace, 'address', ...args]);
    await this.lan.setLink(0, 'down');
    ip('add', `${address}/16`, 'dev', 'eth0');
    // As if the impostor had won the race for the address.
    execFileSync('ip', ['-n', this.lan.hosts[1]!.namespace, 'neigh', 'flush', 'all']);
    onTestFinished(async () => {
      ip('del', `${address}/16`, 'dev', 'eth0');
      await this.lan.setLink(0, 'up');
    });
    const routes = { into: [{ port, socket: this.#path('rogue') }] };
    await this.openGateway(this.outsider, routes);
  }

  /**
   * What Alice notices of an attack: her node is the same process, has given out no content and
   * taken none, has not grown beyond a bound, and answers her at once.
   */
  async unharmed(attack: () => Promise<void>, growth = MAX_GROWTH_BYTES): Promise<void> {
    const before = await this.#observe();
    await attack();
    const began = performance.now();
    const after = await this.#observe();
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(after.pid).toBe(before.pid);
    expect(after.peerOut).toBe(before.peerOut);
    expect(after.peerIn).toBe(before.peerIn);
    expect(after.hits).toBe(before.hits);
    expect(after.rss - before.rss).toBeLessThan(growth);
  }

  /** All that Alice built before comes back from her own store. */
  async stillBuilds(): Promise<void> {
    const { alice } = this;
    await alice.clean();
    await alice.vrift(['stats', '--reset']);
    await alice.cargo(['build']);
    const { units, hits, compiled, bytes } = await alice.stats();
    expect(units).toBeGreaterThan(2);
    expect({ hits, compiled }).toEqual({ hits: { disk: units, peer: 0, remote: 0 }, compiled: 0 });
    expect([bytes.peerOut, bytes.peerIn]).toEqual([0, 0]);
  }

  async #observe() {
    const { pid, rssBytes: rss } = await this.alice.status();
    const { bytes, hits } = await this.alice.stats();
    return { pid, rss: rss ?? 0, peerOut: bytes.peerOut, peerIn: bytes.peerIn, hits: hits.peer };
  }

  #path(name: string): string {
    return join(this.#sockets, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.alice.dispose();
    await this.lan.close();
  }
}

/** Bytes that come back until the other side ends the connection, or a while has passed. */
export async function said(socket: Socket, bytes: string | Buffer, ms = 4_000): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(bytes);
  await Promise.race([
    new Promise((resolve) => socket.once('close', resolve)),
    new Promise((resolve) => setTimeout(resolve, ms).unref()),
  ]);
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

/** Whether the other side ends the connection on these bytes, and says nothing. */
export async function isHungUpOn(socket: Socket, bytes: Buffer, ms = 2_000): Promise<boolean> {
  const began = performance.now();
  const answer = await said(socket, bytes, ms);
  return answer === '' && performance.now() - began < ms - 100;
}

export const HELLO = 'GET /v1/hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

/**
 * One office for all tests of a file. Under CI=true a machine without namespaces fails.
 *
 * @param options `holds`: Alice has built something, so that there is what could be served; when all
 *   is over she builds it again, and none of it is compiled
 */
export function outside(
  name: string,
  tests: (at: { office: Office }) => void,
  { config = '', before = async (_office: Office) => {}, holds = false } = {},
): void {
  const able = has('netns') || process.env.CI === 'true';
  describe.skipIf(!able)(name, () => {
    const at = {} as { office: Office };
    beforeAll(async () => {
      at.office = await Office.open(config);
      if (holds) await at.office.alice.cargo(['build']);
      await before(at.office);
    });
    afterAll(() => at.office?.[Symbol.asyncDispose]());
    tests(at);
    if (holds) it('leave Alice with a node that answers her builds', () => at.office.stillBuilds());
  });
}
