import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import type { Digest } from '../../src/base/digest.js';
import { resultKeyOf } from '../../src/keying/manifest.js';
import { MeshNode } from '../../src/mesh/node.js';
import { connectSecure } from '../../src/mesh/transport/secure.js';
import { buildServer } from '../../src/server/server.js';
import { openHasher } from '../../src/store/hashing.js';
import type { WhyInfo } from '../../src/wire/control.js';
import type { Developer } from '../harness/developer.js';
import { until } from '../harness/programs.js';
import { newNode, type TestNode, temporaryDir } from '../identity/support.js';

/**
 * A member of the mesh that asks a developer's node for everything that it can name, and writes
 * down every byte that it is told or asked.
 */
export class Spy implements AsyncDisposable {
  readonly #of: Developer;
  readonly #member: TestNode;
  readonly #node: MeshNode;
  #port: number;
  readonly #asked: string[];
  readonly #told: Buffer[] = [];

  private constructor(
    of: Developer,
    member: TestNode,
    node: MeshNode,
    port: number,
    asked: string[],
  ) {
    this.#of = of;
    this.#member = member;
    this.#node = node;
    this.#port = port;
    this.#asked = asked;
  }

  /** Joins the mesh of a developer whose node runs. */
  static async join(of: Developer): Promise<Spy> {
    const hasher = await openHasher();
    const member = await newNode();
    const tmp = temporaryDir();
    let files = 0;
    const asked: string[] = [];
    const note = <T>(what: string, answer: T): T => {
      asked.push(what);
      return answer;
    };
    const node = await MeshNode.open({
      dir: member.dir,
      hasher,
      resultKeyOf: (unitKey, manifest) => resultKeyOf(unitKey, manifest, hasher),
      tmpPath: () => join(tmp, String(files++)),
      buildServer: (context) =>
        buildServer({
          context,
          reader: {
            candidates: (unitKey) => note(unitKey, []),
            outcomes: (unit) => note(unit, []),
            isBetterThan: (standing) => note(standing.join(' '), false),
            usedAround: (unitKey) => note(unitKey, []),
            openBlob: async (digest) => note(digest, undefined),
            resultCount: () => 0,
          },
        }),
      onEvent: () => {},
      config: { nodeName: 'spy', port: 0, peers: [], mdns: false },
    });
    const { token } = await of.vriftJson<{ token: string }>(['mesh', 'invite']);
    await node.join(token);
    const { node: id } = await of.status();
    await until('the developer meets the spy', async () => {
      const peers = await of.peers();
      return peers.some((peer) => peer.node === node.nodeId && peer.state === 'connected');
    });
    const { port } = await of.vriftJson<{ port: number }>(['start']);
    if (id === '') throw new Error('no node');
    return new Spy(of, member, node, port, asked);
  }

  /** What the developer's node asked of this one. */
  get asked(): string {
    return this.#asked.join('\n');
  }

  /** Everything that was told so far. */
  get told(): string {
    return Buffer.concat(this.#told).toString('latin1');
  }

  forget(): void {
    this.#told.length = 0;
    this.#asked.length = 0;
  }

  /** Asks for every unit, every name and every blob that there is. @returns digests of blobs it got */
  async askForAll(units: readonly WhyInfo[], names: readonly string[]): Promise<Digest[]> {
    const keys = [...new Set(units.map(({ key }) => key).filter((key) => key !== ''))];
    await this.#get('/v1/hello');
    await this.#get('/v1/roster');
    await this.#post('/v1/find', { unitKeys: keys });
    for (const unitKey of keys) await this.#post('/v1/next', { unitKey });
    await this.#post('/v1/why', { units: names });
    const worst = 'f'.repeat(64);
    await this.#post('/v1/better', { results: keys.map((key) => [key, 'incremental', worst]) });
    const got: Digest[] = [];
    for (const digest of this.#blobs()) {
      if ((await this.#get(`/v1/blob/${digest}`)) === 200) got.push(digest);
      await this.#post('/v1/blobs', { digests: [digest] });
    }
    return got;
  }

  async askWhy(names: readonly string[]): Promise<void> {
    await this.#post('/v1/why', { units: names });
  }

  /** The developer's node listens elsewhere now. */
  moved(port: number): void {
    this.#port = port;
  }

  /** How many results the developer's node says that it has. */
  async results(): Promise<number> {
    const [own] = (await this.#node.peers()).filter(({ state }) => state === 'connected');
    return own?.results ?? -1;
  }

  /** Even those that nobody told of. */
  #blobs(): Digest[] {
    const cas = join(this.#of.vriftHome, 'l2/cas');
    return readdirSync(cas).flatMap((folder) => readdirSync(join(cas, folder)) as Digest[]);
  }

  #get(path: string): Promise<number> {
    return this.#ask('GET', path);
  }

  #post(path: string, body: unknown): Promise<number> {
    return this.#ask('POST', path, JSON.stringify(body));
  }

  async #ask(method: string, path: string, body?: string): Promise<number> {
    const { socket } = await connectSecure({
      host: '127.0.0.1',
      port: this.#port,
      key: this.#member.key,
      alpn: 'http/1.1',
      expect: () => true,
      timeoutMs: 5_000,
    });
    socket.on('data', (chunk: Buffer) => this.#told.push(chunk));
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const request = httpRequest({
        method,
        path,
        headers: { ...headers, connection: 'close' },
        createConnection: () => socket,
      });
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', reject);
      });
      request.end(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node.close();
  }
}
