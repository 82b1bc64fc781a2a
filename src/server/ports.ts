import type { Digest } from '../base/digest.js';
import type { Found, Hello, Standing, ToldOutcome } from '../wire/http.js';

/** An open blob: reads stay good even when the store evicts it meanwhile. */
export interface BlobHandle {
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }>;
  close(): Promise<void>;
}

/** The store as peers may see it: they can look and read, nothing else. */
export interface PeerReader {
  /** What may leave this machine for a unit key, best first; never local-only results. */
  candidates(unitKey: Digest): Found[];
  /** How a unit's last outcomes came to be, latest first; the name is `nameOf`'s. */
  outcomes(unit: string): ToldOutcome[];
  /** Whether it holds a result of that key which is preferred and may leave this machine. */
  isBetterThan(standing: Standing): boolean;
  /** Unit keys of what a build used with that one, in the order of use; at most `limit`. */
  usedAround(unitKey: Digest, limit: number): Digest[];
  openBlob(digest: Digest): Promise<{ handle: BlobHandle; size: number } | undefined>;
  /** Results that `candidates` could give, over all keys. */
  resultCount(): number;
}

/** The node as its server sees it. */
export interface ServerContext {
  /**
   * Everything of `hello` that the store does not know.
   *
   * @param caller IP address of the asking member
   */
  hello(caller: string | undefined): Omit<Hello, 'results'>;
  /** Signed membership statements, verbatim, as `node` pulls them. */
  statements(node: string): Uint8Array[];
  /** A member said hello from `host` and listens there on `port`. */
  onCaller(node: string, host: string, port: number): void;
  /** Content bytes that went to a member. */
  onSent(node: string, bytes: number): void;
}

export interface ServerLimits {
  /** Answers with content under way at once, in all and to one peer. */
  uploads: number;
  uploadsPerPeer: number;
  connectionsPerPeer: number;
  /** From the first byte of a request to the end of its headers. */
  headerMs: number;
  /** From the headers to the end of the body. */
  bodyMs: number;
  /** An answer of which the peer takes nothing for so long is given up. */
  stallMs: number;
  /** A connection on which nothing is asked for so long is closed. */
  idleMs: number;
  /** How long `close` lets transfers run on. */
  graceMs: number;
}

export const SERVER_LIMITS: ServerLimits = {
  uploads: 32,
  uploadsPerPeer: 12,
  connectionsPerPeer: 24,
  headerMs: 5_000,
  bodyMs: 10_000,
  stallMs: 20_000,
  idleMs: 90_000,
  graceMs: 2_000,
};
