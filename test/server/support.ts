import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import type {
  BlobHandle,
  PeerReader,
  ServerContext,
  ServerLimits,
} from '../../src/server/ports.js';
import { buildServer, type PeerServer } from '../../src/server/server.js';
import { openHasher } from '../../src/store/hashing.js';
import type { Found, Standing, ToldOutcome } from '../../src/wire/http.js';

const hasher = await openHasher();
export const digestOf = (data: Uint8Array | string): Digest => hasher.hash(data);

/** A store in memory that counts what is open. */
export class MemoryReader implements PeerReader {
  readonly found = new Map<Digest, Found[]>();
  readonly blobs = new Map<Digest, Buffer>();
  readonly told = new Map<string, ToldOutcome[]>();
  open = 0;
  /** From here on a blob cannot be read, as on a failing disk. */
  readable = Number.POSITIVE_INFINITY;

  put(bytes: Buffer): Digest {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  candidates(unitKey: Digest): Found[] {
    return this.found.get(unitKey) ?? [];
  }

  outcomes(unit: string): ToldOutcome[] {
    return this.told.get(unit) ?? [];
  }

  /** As the test says, by unit key. */
  readonly after = new Map<Digest, Digest[]>();

  usedAround(unitKey: Digest, limit: number): Digest[] {
    return (this.after.get(unitKey) ?? []).slice(0, limit);
  }

  async openBlob(digest: Digest): Promise<{ handle: BlobHandle; size: number } | undefined> {
    const bytes = this.blobs.get(digest);
    if (!bytes) return undefined;
    this.open += 1;
    const handle: BlobHandle = {
      read: async (buffer, offset, length, position) => ({
        bytesRead: bytes.copy(
          buffer,
          offset,
          position,
          Math.max(position, Math.min(position + length, this.readable)),
        ),
      }),
      close: async () => {
        this.open -= 1;
      },
    };
    return { handle, size: bytes.length };
  }

  /** As the test says, by result key. */
  readonly better = new Set<Digest>();
  isBetterThan([resultKey]: Standing): boolean {
    return this.better.has(resultKey);
  }

  resultCount(): number {
    return this.found.size;
  }
}

export interface Started {
  server: PeerServer;
  reader: MemoryReader;
  callers: unknown[][];
  sent: Map<string, number>;
  /** A raw connection as this member. */
  dial(node?: string): Promise<Client>;
}

/** A server that takes whoever connects for the node that `dial` names. */
export async function startServer(limits: Partial<ServerLimits> = {}): Promise<Started> {
  const reader = new MemoryReader();
  const callers: unknown[][] = [];
  const sent = new Map<string, number>();
  const context: ServerContext = {
    hello: () => ({
      node: 'me',
      name: 'attic',
      version: '0',
      protocol: 1,
      mesh: 'm',
      epoch: 'e',
      roster: 'r',
      addresses: [],
    }),
    statements: (node) => [Buffer.from('one'), Buffer.from(`for ${node}`)],
    onCaller: (...caller) => callers.push(caller),
    onSent: (node, bytes) => sent.set(node, (sent.get(node) ?? 0) + bytes),
  };
  const server = await buildServer({ reader, context, limits });
  const names: string[] = [];
  const front = createServer((socket) => server.accept(socket, names.shift() ?? 'peer'));
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await server.close();
    front.close();
  });
  const { port } = front.address() as { port: number };
  const dial = async (node = 'peer') => {
    names.push(node);
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    return new Client(socket);
  };
  return { server, reader, callers, sent, dial };
}

export interface Reply {
  status: number;
  headers: Map<string, string>;
  body: Buffer;
}

/** One connection on which a test writes what it likes and reads whole replies. */
export class Client {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #chunks: Buffer[] = [];
  #length = 0;
  #changed: () => void = () => undefined;
  #ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#changed();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#ended = true;
        this.#changed();
        resolve();
      });
    });
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    this.send('GET', path, headers);
    return this.reply();
  }

  async post(path: string, value: unknown): Promise<Reply> {
    const body = JSON.stringify(value);
    const length = String(Buffer.byteLength(body));
    this.send('POST', path, { 'content-type': 'application/json', 'content-length': length }, body);
    return this.reply();
  }

  send(method: string, path: string, headers: Record<string, string>, body = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`${method} ${path} HTTP/1.1\r\nhost: peer\r\n${lines.join('')}\r\n${body}`);
  }

  async reply(): Promise<Reply> {
    const end = await this.#until(() => {
      const at = this.#joined().indexOf('\r\n\r\n');
      return at < 0 ? undefined : at;
    });
    const [first, ...lines] = this.#joined().subarray(0, end).toString().split('\r\n');
    const headers = new Map(
      lines.map((line) => {
        const [name = '', ...value] = line.split(':');
        return [name.toLowerCase(), value.join(':').trim()];
      }),
    );
    const from = end + 4;
    const length = Number(headers.get('content-length') ?? 0);
    await this.#until(() => (this.#length >= from + length ? true : undefined));
    const bytes = this.#joined();
    this.#chunks = [bytes.subarray(from + length)];
    this.#length -= from + length;
    return {
      status: Number(first?.split(' ')[1]),
      headers,
      body: bytes.subarray(from, from + length),
    };
  }

  #joined(): Buffer {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    return bytes;
  }

  async #until<T>(condition: () => T | undefined): Promise<T> {
    for (;;) {
      const value = condition();
      if (value !== undefined) return value;
      if (this.#ended) throw new Error('the server hung up');
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}
