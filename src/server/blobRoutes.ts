import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Digest, isDigest } from '../base/digest.js';
import { linkOf } from '../base/linkSpeed.js';
import { encodeBlocks } from '../wire/blocks.js';
import { BOUNDS, checkBlobsRequest, ROUTES } from '../wire/http.js';
import { BROTLI, type Compress, PACK_HEADER, PACKED_HEADER, packs } from '../wire/packed.js';
import { packInTurn, rangeOf, sendBlob, sendPacked } from './blobStream.js';
import type { BlobHandle, PeerReader } from './ports.js';
import type { NodeOf } from './routes.js';
import type { UploadSlots } from './slots.js';

const BINARY = 'application/octet-stream';

/** The routes that send content, each answer in one upload slot. */
export function addBlobRoutes(
  app: FastifyInstance,
  options: {
    reader: PeerReader;
    slots: UploadSlots;
    nodeOf: NodeOf;
    compress: Compress;
    onSent(node: string, bytes: number): void;
  },
): void {
  const { reader, slots, nodeOf, compress, onSent } = options;
  const isToPack = ({ headers, raw }: FastifyRequest) =>
    packs(headers[PACK_HEADER], linkOf(raw.socket), compress);

  app.get<{ Params: { digest: string } }>(`${ROUTES.blob}:digest`, async (request, reply) => {
    const { digest } = request.params;
    if (!isDigest(digest)) return reply.code(400).send({ error: 'not a digest' });
    const node = nodeOf(request);
    const release = slots.take(node);
    if (!release) return busy(reply);
    const blob = await openOrRelease(reader, digest, release);
    if (!blob) {
      release();
      return reply.code(404).send({ error: 'no such blob' });
    }
    const range = rangeOf(request.headers.range, blob.size);
    if (!range) {
      release();
      await blob.handle.close();
      return reply.code(416).header('content-range', `bytes */${blob.size}`).send();
    }
    const { start, length, partial } = range;
    const response = reply.raw;
    reply.hijack();
    const isPacked = isToPack(request);
    response.writeHead(partial ? 206 : 200, {
      'content-type': BINARY,
      ...(isPacked ? { [PACKED_HEADER]: BROTLI } : { 'content-length': length }),
      ...(partial && { 'content-range': `bytes ${start}-${start + length - 1}/${blob.size}` }),
    });
    try {
      const send = isPacked ? sendPacked : sendBlob;
      await send(response, blob.handle, range, (bytes) => onSent(node, bytes));
    } finally {
      release();
      await blob.handle.close();
    }
    return reply;
  });

  app.post(ROUTES.blobs, async (request, reply) => {
    const asked = checkBlobsRequest(request.body);
    if (!asked.ok) return reply.code(400).send({ error: asked.reason });
    const node = nodeOf(request);
    const release = slots.take(node);
    if (!release) return busy(reply);
    try {
      const { blocks, bytes } = await readBatch(reader, asked.value.digests);
      onSent(node, bytes);
      const answer = encodeBlocks(blocks);
      const packed = isToPack(request) ? await packInTurn(answer) : undefined;
      if (packed === undefined) return await reply.type(BINARY).send(answer);
      return await reply.type(BINARY).header(PACKED_HEADER, BROTLI).send(packed);
    } finally {
      release();
    }
  });
}

/** What has no room in one answer is absent from it: the caller fetches it alone. */
async function readBatch(
  reader: PeerReader,
  digests: readonly Digest[],
): Promise<{ blocks: (Buffer | undefined)[]; bytes: number }> {
  const blocks: (Buffer | undefined)[] = [];
  let bytes = 0;
  for (const digest of digests) {
    const blob = await reader.openBlob(digest);
    try {
      const fits = blob !== undefined && bytes + blob.size <= BOUNDS.batchBytes;
      const block = fits ? await readWhole(blob.handle, blob.size) : undefined;
      bytes += block?.length ?? 0;
      blocks.push(block);
    } finally {
      await blob?.handle.close();
    }
  }
  return { blocks, bytes };
}

async function readWhole(handle: BlobHandle, size: number): Promise<Buffer | undefined> {
  const block = Buffer.allocUnsafe(size);
  let at = 0;
  while (at < size) {
    const { bytesRead } = await handle.read(block, at, size - at, at);
    if (bytesRead === 0) return undefined;
    at += bytesRead;
  }
  return block;
}

async function openOrRelease(reader: PeerReader, digest: Digest, release: () => void) {
  try {
    return await reader.openBlob(digest);
  } catch (error) {
    release();
    throw error;
  }
}

export function busy(reply: FastifyReply): FastifyReply {
  return reply.code(503).header('retry-after', '1').send({ error: 'too many uploads' });
}
