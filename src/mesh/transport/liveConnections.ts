import type { Socket } from 'node:net';

/** Connections to members, so that a revoke ends those that are open. */
export class LiveConnections {
  readonly #nodeOf = new Map<Socket, string>();

  /** Forgets the socket by itself when it closes. */
  track(socket: Socket, nodeId: string): void {
    this.#nodeOf.set(socket, nodeId);
    socket.once('close', () => this.#nodeOf.delete(socket));
  }

  /** Destroys every connection to a node that is no member any more. @returns how many */
  disconnectNonMembers(isMember: (nodeId: string) => boolean): number {
    const lost = [...this.#nodeOf].filter(([, nodeId]) => !isMember(nodeId));
    for (const [socket] of lost) socket.destroy();
    return lost.length;
  }
}
