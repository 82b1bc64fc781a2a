import type { Socket } from 'node:net';

/** Connections to members, so that a revoke ends those that are open. */
export class LiveConnections {
  readonly #byNode = new Map<string, Set<Socket>>();

  /** Forgets the socket by itself when it closes. */
  track(socket: Socket, nodeId: string): void {
    if (socket.destroyed) return;
    const sockets = this.#byNode.get(nodeId) ?? new Set();
    this.#byNode.set(nodeId, sockets.add(socket));
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0 && this.#byNode.get(nodeId) === sockets) this.#byNode.delete(nodeId);
    });
  }

  /** Destroys every connection to a node that is no member (any more). @returns how many */
  disconnectNonMembers(isMember: (nodeId: string) => boolean): number {
    const strangers = [...this.#byNode].filter(([nodeId]) => !isMember(nodeId));
    const sockets = strangers.flatMap(([, open]) => [...open]);
    for (const socket of sockets) socket.destroy();
    return sockets.length;
  }

  disconnectAll(): number {
    return this.disconnectNonMembers(() => false);
  }
}
