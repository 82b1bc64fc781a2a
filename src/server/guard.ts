import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ServerLimits } from './ports.js';

/** A connection between two requests, or one with a request on it. */
interface Connection {
  node: string;
  /** When the present phase began. */
  since: number;
  /** `socket.bytesRead` when it began. */
  bytesRead: number;
  /** First time that bytes of a next request were seen. */
  headersSince?: number | undefined;
  exchange?: { request: IncomingMessage; response: ServerResponse; bytesWritten: number };
}

const SWEEP_MS = 1_000;
const TIMEOUT_REPLY = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

type GuardLimits = Pick<
  ServerLimits,
  'headerMs' | 'bodyMs' | 'stallMs' | 'idleMs' | 'connectionsPerPeer' | 'graceMs'
>;

/**
 * Knows the peer behind each connection and ends the slow ones. An HTTP server that is fed by
 * `emit('connection')` enforces no deadline of its own, so one sweep a second looks at counters
 * that the socket keeps anyway: nothing runs per chunk.
 */
export class ConnectionGuard {
  readonly #limits: GuardLimits;
  readonly #monotonic: () => number;
  readonly #connections = new Map<Socket, Connection>();
  readonly #timer: NodeJS.Timeout;
  #closing = false;

  constructor(limits: GuardLimits, monotonic: () => number) {
    this.#limits = limits;
    this.#monotonic = monotonic;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** @returns false when the connection is one too many and was closed */
  add(socket: Socket, node: string): boolean {
    if (this.#closing || !this.#makeRoom(node)) {
      socket.destroy();
      return false;
    }
    this.#connections.set(socket, {
      node,
      since: this.#monotonic(),
      bytesRead: socket.bytesRead,
    });
    socket.once('close', () => this.#connections.delete(socket));
    return true;
  }

  nodeOf(socket: Socket): string | undefined {
    return this.#connections.get(socket)?.node;
  }

  /** Call it when the headers of a request are complete. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (!connection) return;
    if (this.#closing) response.setHeader('connection', 'close');
    connection.since = this.#monotonic();
    connection.headersSince = undefined;
    connection.exchange = { request, response, bytesWritten: socket.bytesWritten };
    response.once('close', () => {
      delete connection.exchange;
      connection.since = this.#monotonic();
      connection.bytesRead = socket.bytesRead;
      if (this.#closing) socket.destroySoon();
    });
  }

  /** Drops the connections of everyone who is not welcome any more. */
  retain(isWelcome: (node: string) => boolean): void {
    for (const [socket, { node }] of this.#connections) {
      if (!isWelcome(node)) socket.destroy();
    }
  }

  /** Lets answers that are under way end, within the grace. */
  async close(): Promise<void> {
    this.#closing = true;
    const ended = [...this.#connections.keys()].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const [socket, { exchange }] of this.#connections) if (!exchange) socket.destroy();
    const cut = setTimeout(() => {
      for (const socket of this.#connections.keys()) socket.destroy();
    }, this.#limits.graceMs);
    await Promise.all(ended);
    clearTimeout(cut);
    clearInterval(this.#timer);
  }

  #makeRoom(node: string): boolean {
    const own = [...this.#connections].filter(([, connection]) => connection.node === node);
    if (own.length < this.#limits.connectionsPerPeer) return true;
    const idle = own.find(([, connection]) => !connection.exchange);
    idle?.[0].destroy();
    if (idle) this.#connections.delete(idle[0]);
    return idle !== undefined;
  }

  #sweep(): void {
    const now = this.#monotonic();
    for (const [socket, connection] of this.#connections) {
      if (connection.exchange) this.#sweepBusy(socket, connection, connection.exchange, now);
      else this.#sweepIdle(socket, connection, now);
    }
  }

  #sweepIdle(socket: Socket, connection: Connection, now: number): void {
    if (socket.bytesRead > connection.bytesRead) connection.headersSince ??= now;
    const { headersSince } = connection;
    if (headersSince !== undefined && now - headersSince >= this.#limits.headerMs) {
      socket.end(TIMEOUT_REPLY);
      socket.destroySoon();
    } else if (now - connection.since >= this.#limits.idleMs) {
      socket.destroy();
    }
  }

  #sweepBusy(
    socket: Socket,
    connection: Connection,
    exchange: NonNullable<Connection['exchange']>,
    now: number,
  ): void {
    if (!exchange.request.complete) {
      if (now - connection.since < this.#limits.bodyMs) return;
      socket.end(TIMEOUT_REPLY);
      socket.destroySoon();
    } else if (socket.bytesWritten > exchange.bytesWritten) {
      exchange.bytesWritten = socket.bytesWritten;
      connection.since = now;
    } else if (now - connection.since >= this.#limits.stallMs) {
      socket.destroy();
    }
  }
}
