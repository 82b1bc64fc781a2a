import { request } from 'node:http';
import { canonicalJson } from '../../src/base/canonical.js';
import { resultDigestOf } from '../../src/base/resultDigest.js';
import { attest } from '../../src/identity/attestation.js';
import type { Found } from '../../src/wire/http.js';
import { Developer } from '../harness/developer.js';
import { until } from '../harness/programs.js';
import { digestOf, hasher, resultKeyOf, startRogue } from '../mesh/support.js';
import { small } from '../traps/alone.js';
import { type Files, Project } from '../traps/support.js';
import type { Office } from './support.js';

/** What Mallory makes of an honest node's answers before she gives them to Alice. */
export interface Turn {
  /** Per unit key; both lists are her own. */
  find(found: Found[][]): unknown;
  /** Content, whatever the route. */
  blobs(bytes: Buffer): Buffer;
  /** Content that no honest node has, by digest; asked for singly. */
  own: Map<string, Buffer>;
}

export const HONEST = (): Turn => ({
  find: (found) => found,
  blobs: (bytes) => bytes,
  own: new Map(),
});

/**
 * Bob compiled what Alice is about to build, and can be reached by nobody but Mallory, who is a
 * member in good standing: she passes on what Bob says, with a change.
 */
export class Turned {
  readonly office: Office;
  readonly bob: Developer;
  turn = HONEST();
  /** Paths that Alice asked Mallory for. */
  asked: string[] = [];
  /** Results that she passed on, changed or not. */
  passedOn = 0;
  /** All that she ever passed on, by unit key. */
  readonly known = new Map<string, Found>();
  #way = '';
  #projects = 0;
  #end = async () => {};

  readonly #files: Files;

  private constructor(office: Office, bob: Developer, files: Files) {
    this.office = office;
    this.bob = bob;
    this.#files = files;
  }

  /** @param files the project of both */
  static async open(office: Office, files = small('truth')): Promise<Turned> {
    const host = office.lan.hosts[1]!;
    const bob = await Developer.create('bob', { host, workspace: 'bound' });
    const turned = new Turned(office, bob, files);
    await bob.start();
    await bob.join(office.alice);
    await bob.meets(office.alice);
    await new Project(bob, `${bob.root}/src/p`).write(files).then((his) => his.cargo(['build']));
    await until('two results', async () => (await bob.stats()).bytes.stored > 0);
    await office.lan.setLink(1, 'down');
    turned.#way = await office.wayTo(host, '127.0.0.1', (await bob.start()).port!);
    await turned.#serve();
    return turned;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await this.bob.dispose();
  }

  /** Alice with an empty store and without a grudge, in a checkout of her own. */
  async project(): Promise<Project> {
    const { alice, mallory } = this.office;
    await alice.stop();
    await alice.start();
    // After the restart, when nothing of the last build is under way any more.
    await alice.vrift(['gc', '--all']);
    await until('Mallory is connected', async () => {
      const peers = await alice.peers();
      return peers.some((peer) => peer.node === mallory.key.nodeId && peer.state === 'connected');
    });
    this.asked = [];
    this.passedOn = 0;
    const place = `${alice.root}/hers${++this.#projects}`;
    return new Project(alice, place).write(this.#files);
  }

  /** The same result with a change, and Mallory's word that she compiled that. */
  vouched(found: Found, change: (copy: Found) => void): Found {
    const copy = structuredClone(found);
    change(copy);
    const { manifest, result } = copy;
    result.manifest = digestOf(canonicalJson(manifest));
    result.resultKey = resultKeyOf(result.unitKey, result.manifest);
    const { key, membership } = this.office.mallory;
    const resultDigest = resultDigestOf(result, hasher);
    const { resultKey } = result;
    const word = { mesh: membership.meshId, resultKey, resultDigest, at: 1_700_000_000_000 };
    return { manifest, result, attestations: [attest(key, word)] };
  }

  async #serve(): Promise<void> {
    const { mallory } = this.office;
    const address = await startRogue(
      mallory,
      async (asked, response, body) => {
        const path = asked.url ?? '';
        this.asked.push(path);
        if (path === '/v1/hello') return false;
        const own = this.turn.own.get(path.replace('/v1/blob/', ''));
        if (own !== undefined) {
          response.writeHead(200, { 'content-length': own.length }).end(own);
          return true;
        }
        const answer = await this.#askBob(asked.method ?? 'GET', path, body);
        if (path === '/v1/find' && answer.status === 200) {
          const { found } = JSON.parse(answer.bytes.toString('utf8')) as { found: Found[][] };
          this.passedOn += found.flat().length;
          for (const one of found.flat()) this.known.set(one.result.unitKey, one);
          response.end(JSON.stringify({ found: this.turn.find(found) }));
        } else {
          const bytes = path.startsWith('/v1/blob') ? this.turn.blobs(answer.bytes) : answer.bytes;
          response.writeHead(answer.status, { 'content-length': bytes.length }).end(bytes);
        }
        return true;
      },
      (close) => {
        this.#end = close;
      },
    );
    await this.office.serveAsOutsider(address);
  }

  #askBob(method: string, path: string, body: string): Promise<{ status: number; bytes: Buffer }> {
    const { key } = this.office.mallory;
    const headers =
      body === ''
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const asking = request(
        {
          method,
          path,
          headers,
          createConnection: () => this.office.dial(key, { path: this.#way }),
        },
        (reply) => {
          const chunks: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => chunks.push(chunk));
          reply.on('end', () =>
            resolve({ status: reply.statusCode ?? 0, bytes: Buffer.concat(chunks) }),
          );
        },
      );
      asking.on('error', reject);
      asking.end(body);
    });
  }
}
