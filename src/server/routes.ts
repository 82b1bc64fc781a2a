import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Digest } from '../base/digest.js';
import { encodeBlocks } from '../wire/blocks.js';
import {
  type BetterReply,
  BOUNDS,
  checkBetterRequest,
  checkFindRequest,
  checkNextRequest,
  type Found,
  type NextReply,
  PORT_HEADER,
  ROUTES,
} from '../wire/http.js';
import type { PeerReader, ServerContext } from './ports.js';

/** Which member sent a request. */
export type NodeOf = (request: FastifyRequest) => string;

/** The routes that tell who and what is here; none of them sends content. */
export function addLookupRoutes(
  app: FastifyInstance,
  options: { reader: PeerReader; context: ServerContext; nodeOf: NodeOf },
): void {
  const { reader, context, nodeOf } = options;

  app.get(ROUTES.hello, (request) => {
    const port = Number(request.headers[PORT_HEADER]);
    const host = request.raw.socket.remoteAddress;
    if (host !== undefined && Number.isInteger(port) && port > 0 && port < 65_536) {
      context.onCaller(nodeOf(request), host, port);
    }
    return { ...context.hello(host), results: reader.resultCount() };
  });

  app.get(ROUTES.roster, (request, reply) => {
    const statements = context.statements(nodeOf(request));
    return reply.type('application/octet-stream').send(encodeBlocks(statements));
  });

  app.post(ROUTES.find, (request, reply) => {
    const asked = checkFindRequest(request.body);
    if (!asked.ok) return reply.code(400).send({ error: asked.reason });
    return reply.type('application/json').send(findReply(reader, asked.value.unitKeys));
  });

  app.post(ROUTES.next, (request, reply): NextReply => {
    const asked = checkNextRequest(request.body);
    if (!asked.ok) return reply.code(400).send({ error: asked.reason }) as never;
    return { unitKeys: reader.usedAround(asked.value.unitKey, BOUNDS.nextKeys) };
  });

  app.post(ROUTES.better, (request, reply): BetterReply => {
    const asked = checkBetterRequest(request.body);
    if (!asked.ok) return reply.code(400).send({ error: asked.reason }) as never;
    const better = asked.value.results.flatMap((standing, place) =>
      reader.isBetterThan(standing) ? [place] : [],
    );
    return { better };
  });
}

/** Written by hand to stay below the bound: what has no room is left out. */
function findReply(reader: PeerReader, unitKeys: readonly Digest[]): string {
  let room = BOUNDS.findBytes - 16 - 3 * unitKeys.length;
  const found = unitKeys.map((unitKey) => {
    const texts: string[] = [];
    for (const candidate of sendable(reader.candidates(unitKey))) {
      const text = JSON.stringify(candidate);
      room -= Buffer.byteLength(text) + 1;
      if (room < 0) break;
      texts.push(text);
    }
    return `[${texts.join(',')}]`;
  });
  return `{"found":[${found.join(',')}]}`;
}

function sendable(candidates: readonly Found[]): Found[] {
  return candidates
    .filter(({ result }) => result.class !== 'warm')
    .slice(0, BOUNDS.candidatesPerKey)
    .map(({ manifest, result, attestations }) => ({
      manifest,
      result,
      attestations: attestations.slice(0, BOUNDS.attestations),
    }));
}
