import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import Fastify from 'fastify';
import { BOUNDS } from '../wire/http.js';
import type { Compress } from '../wire/packed.js';
import { addBlobRoutes } from './blobRoutes.js';
import { ConnectionGuard } from './guard.js';
import { type PeerReader, SERVER_LIMITS, type ServerContext, type ServerLimits } from './ports.js';
import { addLookupRoutes } from './routes.js';
import { UploadSlots } from './slots.js';
import { addWhyRoute } from './whyRoute.js';

/** Answers members. It listens nowhere: connections come authenticated from the transport. */
export interface PeerServer {
  /** Takes over a connection whose other end proved to be `node`. */
  accept(socket: Socket, node: string): void;
  /** Drops the connections of everyone else. */
  retain(isWelcome: (node: string) => boolean): void;
  /** Ends idle connections at once and lets transfers end within a grace. */
  close(): Promise<void>;
}

export async function buildServer(options: {
  reader: PeerReader;
  context: ServerContext;
  limits?: Partial<ServerLimits>;
  compress?: Compress;
  monotonic?: () => number;
}): Promise<PeerServer> {
  const { reader, context } = options;
  const limits = { ...SERVER_LIMITS, ...options.limits };
  const guard = new ConnectionGuard(limits, options.monotonic ?? (() => performance.now()));
  const slots = new UploadSlots(limits.uploads, limits.uploadsPerPeer);

  const app = Fastify({
    bodyLimit: BOUNDS.requestBytes,
    exposeHeadRoutes: false,
    serverFactory: (handler) =>
      createServer(
        { maxHeaderSize: BOUNDS.headerBytes, keepAliveTimeout: limits.idleMs, noDelay: true },
        (request, response) => {
          guard.begin(request, response);
          handler(request, response);
        },
      ),
  });
  app.removeContentTypeParser('text/plain');
  const nodeOf = (request: { raw: { socket: Socket } }) => guard.nodeOf(request.raw.socket) ?? '';
  addLookupRoutes(app, { reader, context, nodeOf });
  addWhyRoute(app, { reader, slots, nodeOf });
  addBlobRoutes(app, {
    reader,
    slots,
    nodeOf,
    compress: options.compress ?? 'auto',
    onSent: (node, bytes) => context.onSent(node, bytes),
  });
  await app.ready();

  return {
    accept: (socket, node) => {
      if (guard.add(socket, node)) app.server.emit('connection', socket);
    },
    retain: (isWelcome) => guard.retain(isWelcome),
    close: async () => {
      await guard.close();
      await app.close();
    },
  };
}
