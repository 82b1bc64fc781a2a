import type { FastifyInstance } from 'fastify';
import { BOUNDS, checkWhyRequest, ROUTES } from '../wire/http.js';
import { busy } from './blobRoutes.js';
import type { PeerReader } from './ports.js';
import type { NodeOf } from './routes.js';
import type { UploadSlots } from './slots.js';

/** Tells what units were last made of here. People wait for it, no build does: it takes a slot. */
export function addWhyRoute(
  app: FastifyInstance,
  { reader, slots, nodeOf }: { reader: PeerReader; slots: UploadSlots; nodeOf: NodeOf },
): void {
  app.post(ROUTES.why, (request, reply) => {
    const asked = checkWhyRequest(request.body);
    if (!asked.ok) return reply.code(400).send({ error: asked.reason });
    const release = slots.take(nodeOf(request));
    if (!release) return busy(reply);
    try {
      return reply.type('application/json').send(whyReply(reader, asked.value.units));
    } finally {
      release();
    }
  });
}

/** What has no room in one answer is left out. */
function whyReply(reader: PeerReader, units: readonly string[]): string {
  let room = BOUNDS.whyBytes - 16 - 3 * units.length;
  const answers = units.map((unit) => {
    const texts: string[] = [];
    for (const outcome of reader.outcomes(unit).slice(0, BOUNDS.outcomesPerUnit)) {
      const text = JSON.stringify(outcome);
      room -= Buffer.byteLength(text) + 1;
      if (room < 0) break;
      texts.push(text);
    }
    return `[${texts.join(',')}]`;
  });
  return `{"units":[${answers.join(',')}]}`;
}
