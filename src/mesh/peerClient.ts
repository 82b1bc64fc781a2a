import { type buildConnector, Pool } from 'undici';
import type { Digest } from '../base/digest.js';
import { Gate } from '../base/gate.js';
import { type Link, linkOf } from '../base/linkSpeed.js';
import { decodeBlocks } from '../wire/blocks.js';
import {
  BOUNDS,
  checkBetterReply,
  checkFindReply,
  checkGreeting,
  checkHello,
  checkNextReply,
  checkWhyReply,
  type Found,
  type Hello,
  PORT_HEADER,
  ROUTES,
  type Standing,
  type ToldOutcome,
} from '../wire/http.js';
import {
  BROTLI,
  type Compress,
  PACK_HEADER,
  PACKED_HEADER,
  type Packing,
  packingFor,
  unpack,
} from '../wire/packed.js';
import { MESH_PROTOCOL } from '../wire/version.js';
import type { Address } from './address.js';
import { download, type Sink } from './download.js';
import { PeerFault, RouteMissing } from './fault.js';
import { watchStall } from './stall.js';

/** Blobs stream on connections of their own, so that they never hold up a question. */
const CONTROL_CONNECTIONS = 6;
/** The rest is for hellos and questions, which nothing holds up. */
const BATCHES = 4;
const BULK_CONNECTIONS = 8;
const KEEP_ALIVE_MS = 60_000;
const CONNECT_MS = 3_000;
const FRAMING_BYTES = 4;
/** Of an answer to `better`: a place, and what stands around it. */
const BETTER_BYTES = 6 * BOUNDS.standings + 64;
/** Of an answer to `next`: a digest with quotes and a comma. */
const NEXT_BYTES = 68 * BOUNDS.nextKeys + 64;

/**
 * Asks one member at one address. Whatever the other side sends is checked here for shape and
 * size; a `PeerFault` is its fault, any other error is the network's.
 */
export class PeerClient {
  readonly #control: Pool;
  readonly #bulk: Pool;
  /** Who waits at a gate has no stall timer running yet; in a pool's own queue it would. */
  readonly #bulkGate = new Gate(BULK_CONNECTIONS);
  readonly #batchGate = new Gate(BATCHES);
  readonly #listenPort: () => number | null;
  readonly #compress: Compress;
  /** The connections, once there was one. */
  #link: Link = {};

  constructor(
    address: Address,
    options: {
      connect: buildConnector.connector;
      listenPort: () => number | null;
      compress: Compress;
    },
  ) {
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    const origin = `https://${host}:${address.port}`;
    const common = {
      connect: this.#noting(options.connect),
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // Deadlines come as signals; these only bound what nobody waits for.
      headersTimeout: 30_000,
      bodyTimeout: 30_000,
      connectTimeout: CONNECT_MS,
    };
    this.#control = new Pool(origin, { ...common, connections: CONTROL_CONNECTIONS });
    this.#bulk = new Pool(origin, { ...common, connections: BULK_CONNECTIONS });
    this.#listenPort = options.listenPort;
    this.#compress = options.compress;
  }

  /** @returns the greeting alone when the peer speaks another protocol */
  async hello(signal: AbortSignal): Promise<Hello | Pick<Hello, 'version' | 'protocol'>> {
    const port = this.#listenPort();
    const headers = port === null ? {} : { [PORT_HEADER]: String(port) };
    const body = await this.#ask('GET', ROUTES.hello, { headers, max: BOUNDS.helloBytes, signal });
    const json = parseJson(body);
    const greeting = checkGreeting(json);
    if (!greeting.ok) throw new PeerFault(`hello: ${greeting.reason}`);
    const { version, protocol } = greeting.value;
    if (protocol !== MESH_PROTOCOL) return { version, protocol };
    const hello = checkHello(json);
    if (!hello.ok) throw new PeerFault(`hello: ${hello.reason}`);
    return hello.value;
  }

  async roster(signal: AbortSignal): Promise<Buffer[]> {
    const body = await this.#ask('GET', ROUTES.roster, { max: BOUNDS.rosterBytes, signal });
    const blocks = decodeBlocks(body, BOUNDS.rosterStatements);
    if (!blocks || blocks.includes(undefined)) throw new PeerFault('roster: broken framing');
    return blocks as Buffer[];
  }

  /** @returns per key what the peer has; the content of it is not checked yet */
  async find(unitKeys: readonly Digest[], signal: AbortSignal): Promise<Found[][]> {
    const body = JSON.stringify({ unitKeys });
    const max = BOUNDS.findBytes;
    const json = parseJson(await this.#ask('POST', ROUTES.find, { body, max, signal }));
    const reply = checkFindReply(json);
    if (!reply.ok) throw new PeerFault(`find: ${reply.reason}`);
    if (reply.value.found.length !== unitKeys.length) {
      throw new PeerFault(`find: ${reply.value.found.length} answers to ${unitKeys.length} keys`);
    }
    return reply.value.found;
  }

  /** @returns per unit how the peer's last outcomes came to be */
  async why(units: readonly string[], signal: AbortSignal): Promise<ToldOutcome[][]> {
    const body = JSON.stringify({ units });
    const max = BOUNDS.whyBytes;
    const reply = checkWhyReply(
      parseJson(await this.#ask('POST', ROUTES.why, { body, max, signal })),
    );
    if (!reply.ok) throw new PeerFault(`why: ${reply.reason}`);
    if (reply.value.units.length !== units.length) {
      throw new PeerFault(`why: ${reply.value.units.length} answers to ${units.length} units`);
    }
    return reply.value.units;
  }

  /** @returns those of our results to which the peer has a preferred one, as it says */
  async better(results: readonly Standing[], signal: AbortSignal): Promise<Standing[]> {
    const body = JSON.stringify({ results });
    const max = BETTER_BYTES;
    const json = parseJson(await this.#ask('POST', ROUTES.better, { body, max, signal }));
    const reply = checkBetterReply(json);
    if (!reply.ok) throw new PeerFault(`better: ${reply.reason}`);
    return reply.value.better.map((place) => {
      const asked = results[place];
      if (asked === undefined) throw new PeerFault(`better: ${place} of ${results.length} results`);
      return asked;
    });
  }

  /** @returns unit keys of what the peer used after that one */
  async next(unitKey: Digest, signal: AbortSignal): Promise<Digest[]> {
    const body = JSON.stringify({ unitKey });
    const max = NEXT_BYTES;
    const json = parseJson(await this.#ask('POST', ROUTES.next, { body, max, signal }));
    const reply = checkNextReply(json);
    if (!reply.ok) throw new PeerFault(`next: ${reply.reason}`);
    return reply.value.unitKeys;
  }

  /**
   * @param options.came told of the answer's bytes as they come, packed or not
   * @returns one entry per digest; undefined for what the peer does not have any more
   */
  blobs(
    wanted: readonly { digest: Digest; size: number }[],
    options: { stallMs: number; signal: AbortSignal; came?: (bytes: number) => void },
  ): Promise<(Buffer | undefined)[]> {
    const { stallMs, signal, came } = options;
    const body = JSON.stringify({ digests: wanted.map(({ digest }) => digest) });
    const max = wanted.reduce((sum, { size }) => sum + size + FRAMING_BYTES, 0);
    return this.#batchGate.run(async () => {
      using watch = watchStall(signal, stallMs);
      const progress = (bytes: number) => {
        watch.progress();
        came?.(bytes);
      };
      const packing = this.#packing();
      const headers = packing && { [PACK_HEADER]: packing };
      const how = { body, max, signal: watch.signal, progress, ...(headers && { headers }) };
      const answer = await this.#ask('POST', ROUTES.blobs, how);
      const blocks = decodeBlocks(answer, wanted.length);
      if (blocks?.length !== wanted.length) throw new PeerFault('blobs: broken framing');
      return blocks;
    }, signal);
  }

  /**
   * Streams the rest of one blob into `sink`, from where that stands.
   *
   * @param options.came told of the content as it comes
   */
  blob(
    sink: Sink,
    options: { stallMs: number; signal: AbortSignal; came?: (bytes: number) => void },
  ): Promise<void> {
    const path = `${ROUTES.blob}${sink.digest}`;
    return this.#bulkGate.run(
      () => download(this.#bulk, path, sink, { ...options, packing: this.#packing() }),
      options.signal,
    );
  }

  #packing(): Packing {
    return packingFor(this.#link, this.#compress);
  }

  #noting(connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) =>
      connect(options, (...outcome) => {
        const [, socket] = outcome;
        if (socket) this.#link = linkOf(socket);
        callback(...outcome);
      });
  }

  /** Closes when what is under way has ended. */
  retire(): void {
    for (const pool of [this.#control, this.#bulk]) {
      // It rejects when `close` came first: then there is nothing left to wait for.
      pool.close().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#control.destroy(), this.#bulk.destroy()]);
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    options: {
      headers?: Record<string, string>;
      body?: string;
      max: number;
      signal: AbortSignal;
      progress?: (bytes: number) => void;
    },
  ): Promise<Buffer> {
    const { body, max, signal } = options;
    const headers: Record<string, string> = {
      ...options.headers,
      ...(body && { 'content-type': 'application/json' }),
    };
    const response = await this.#control.request({
      method,
      path,
      headers,
      signal,
      ...(body !== undefined && { body }),
    });
    if (response.statusCode === 503) {
      await response.body.dump();
      throw new Error('the peer is busy');
    }
    if (response.statusCode === 404) {
      await response.body.dump();
      throw new RouteMissing(`${path}: status 404`);
    }
    if (response.statusCode !== 200) {
      await response.body.dump();
      throw new PeerFault(`${path}: status ${response.statusCode}`);
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      options.progress?.(chunk.length);
      bytes += chunk.length;
      // Leaving the loop destroys the body and with it the connection.
      if (bytes > max) throw new PeerFault(`${path}: more than ${max} bytes`);
      chunks.push(chunk);
    }
    const answer = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const isPacked = headers[PACK_HEADER] && response.headers[PACKED_HEADER] === BROTLI;
    return isPacked ? unpacked(answer, max, path) : answer;
  }
}

function unpacked(answer: Buffer, max: number, path: string): Buffer {
  const content = unpack(answer, max);
  if (content === undefined) throw new PeerFault(`${path}: not ${max} bytes of packed content`);
  return content;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new PeerFault('not JSON');
  }
}
