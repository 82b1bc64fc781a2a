import type { Socket } from 'node:net';
import type { Hello } from '../wire/http.js';

/** What the server asks of the node; `server/` states the same from its side. */
export interface ServerContext {
  /** @param caller IP address of the asking member */
  hello(caller: string | undefined): Omit<Hello, 'results'>;
  /** @param node the member that asks */
  statements(node: string): Buffer[];
  /** A member said hello from `host` and listens there on `port`. */
  onCaller(node: string, host: string, port: number): void;
  onSent(node: string, bytes: number): void;
}

/** What answers members, as the mesh drives it. */
export interface PeerServer {
  accept(socket: Socket, node: string): void;
  retain(isWelcome: (node: string) => boolean): void;
  close(): Promise<void>;
}

/** `mesh/` may not import `server/`: whoever builds the node passes it in. */
export type BuildServer = (context: ServerContext) => Promise<PeerServer>;
