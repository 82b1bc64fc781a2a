import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { fromBase32 } from '../../identity/ids.js';
import { JOIN_EXPORTER_BYTES, JOIN_EXPORTER_LABEL } from '../../wire/join.js';

/** The two ends of a join, and the mesh that it is about. */
export interface JoinParties {
  meshId: string;
  /** SPKI of the key that wants in. */
  newcomer: Buffer;
  /** SPKI of the key that lets in. */
  member: Buffer;
}

/**
 * What every proof of a join is made over: exporter ‖ mesh id ‖ newcomer ‖ member, each of fixed
 * length. The exporter ties it to this TLS connection, but does not cover the client's
 * certificate (RFC 8446 §7.5), so both keys stand in it themselves.
 */
export function transcriptOf(socket: TLSSocket, { meshId, newcomer, member }: JoinParties): Buffer {
  const none = Buffer.alloc(0);
  const exported = socket.exportKeyingMaterial(JOIN_EXPORTER_BYTES, JOIN_EXPORTER_LABEL, none);
  return Buffer.concat([exported, fromBase32(meshId) ?? none, newcomer, member]);
}

/** HMAC-SHA-256 over label ‖ transcript. */
export function proofOf(secret: Buffer, label: string, transcript: Buffer): Buffer {
  return createHmac('sha256', secret).update(label).update(transcript).digest();
}

/** Whether `proof` was made with this secret, in constant time. */
export function isProof(
  proof: Buffer,
  made: { secret: Buffer; label: string; transcript: Buffer },
): boolean {
  const expected = proofOf(made.secret, made.label, made.transcript);
  return proof.length === expected.length && timingSafeEqual(proof, expected);
}
