import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface HttpDeadlines {
  /** From the first byte of a request to the end of its headers. */
  headersMs: number;
  /** From there to the end of its body. */
  bodyMs: number;
  /** Between two requests. */
  idleMs: number;
}

const DEFAULTS: HttpDeadlines = { headersMs: 5_000, bodyMs: 10_000, idleMs: 120_000 };

const REQUEST_TIMEOUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

/** How long a peer may take to read that answer. */
const FAREWELL_MS = 1_000;

const watches = new WeakMap<Socket, Watch>();
const fed = new WeakSet<Server>();

/**
 * Hands a socket to an HTTP server and enforces deadlines on it. A server that gets its sockets
 * this way and listens nowhere enforces none: its own checks start with `listening`.
 */
export function feedHttp(
  server: Server,
  socket: Socket,
  deadlines: Partial<HttpDeadlines> = {},
): void {
  if (!fed.has(server)) {
    fed.add(server);
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      watches.get(request.socket)?.onRequest(request, response);
    });
  }
  watches.set(socket, new Watch(socket, { ...DEFAULTS, ...deadlines }));
  server.emit('connection', socket);
}

/** Where one connection stands between its requests. */
class Watch {
  readonly #socket: Socket;
  readonly #deadlines: HttpDeadlines;
  /** Requests whose headers came and whose answers are not out yet, oldest first. */
  readonly #requests = new Set<IncomingMessage>();
  /** Monotonic milliseconds since which the peer owes what it owes now. */
  #since = performance.now();
  /** Bytes that had come when nothing was owed. */
  #settledBytes: number;
  #inHeaders = false;

  constructor(socket: Socket, deadlines: HttpDeadlines) {
    this.#socket = socket;
    this.#deadlines = deadlines;
    this.#settledBytes = socket.bytesRead;
    // Looking at a counter now and then costs nothing per byte, where a `data` listener would
    // take the socket off the parser's fast path.
    const tickMs = Math.max(10, Math.min(deadlines.headersMs, deadlines.bodyMs) / 10);
    const timer = setInterval(() => this.#check(), tickMs).unref();
    socket.once('close', () => clearInterval(timer));
  }

  onRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#requests.add(request);
    this.#inHeaders = false;
    this.#since = performance.now();
    response.once('close', () => {
      this.#requests.delete(request);
      this.#settledBytes = this.#socket.bytesRead;
      this.#since = performance.now();
    });
  }

  #check(): void {
    const waitedMs = performance.now() - this.#since;
    const { headersMs, bodyMs, idleMs } = this.#deadlines;
    if (this.#requests.size > 0) {
      const bodyMissing = [...this.#requests].some(({ complete }) => !complete);
      if (bodyMissing && waitedMs > bodyMs) this.#end(REQUEST_TIMEOUT);
    } else if (this.#inHeaders) {
      if (waitedMs > headersMs) this.#end(REQUEST_TIMEOUT);
    } else if (this.#socket.bytesRead > this.#settledBytes) {
      this.#inHeaders = true;
      this.#since = performance.now();
    } else if (waitedMs > idleMs) {
      this.#end('');
    }
  }

  #end(answer: string): void {
    this.#since = Number.POSITIVE_INFINITY;
    this.#socket.end(answer);
    setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
  }
}
