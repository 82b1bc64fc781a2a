import type { Socket } from 'node:net';
import type { Server } from 'node:tls';
import { Gate } from './gate.js';

/** From the TCP connection to the end of the handshake, however slowly bytes drip. */
export const HANDSHAKE_TIMEOUT_MS = 3_000;

const MAX_HANDSHAKES = { total: 256, perAddress: 64 };

/**
 * Bounds the time and number of unfinished handshakes. Node's own `handshakeTimeout` only reports
 * that time is up and leaves the connection open; with `maxConnections` alone, strangers who wait
 * would take the members' places.
 */
export class HandshakeGuard {
  readonly #open = new Set<Socket>();
  readonly #pending = new Map<string, () => void>();

  constructor(server: Server) {
    const gate = new Gate(MAX_HANDSHAKES);
    // Before the listener of the TLS server itself, which takes the socket over.
    server.prependListener('connection', (raw: Socket) => {
      const end = () => raw.destroy();
      const leave = gate.enter(raw.remoteAddress ?? '', end);
      const timer = setTimeout(end, HANDSHAKE_TIMEOUT_MS);
      const name = nameOf(raw);
      const settle = () => {
        clearTimeout(timer);
        leave();
        if (this.#pending.get(name) === settle) this.#pending.delete(name);
      };
      this.#pending.set(name, settle);
      this.#open.add(raw);
      raw.once('close', () => {
        settle();
        this.#open.delete(raw);
      });
    });
  }

  /** The handshake of this TLS socket has ended well. */
  settle(socket: Socket): void {
    this.#pending.get(nameOf(socket))?.();
  }

  destroyAll(): void {
    for (const raw of this.#open) raw.destroy();
  }
}

/** A TLS socket does not tell which TCP socket it took over, but it has the same other end. */
function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
