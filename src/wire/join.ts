/**
 * How a newcomer enters a mesh: its own TLS application protocol, frames of JSON with a length in
 * front (wire/frame.ts), never HTTP. docs/protocol.md, "Joining", has the whole story.
 */
export const JOIN_PROTOCOL = 1;

/** Application protocols of the mesh port (ALPN). */
export const ALPN_PEER = 'http/1.1';
export const ALPN_JOIN = 'vrift-join/1';

/** Label of the TLS exporter whose output binds every proof to one connection. */
export const JOIN_EXPORTER_LABEL = 'EXPERIMENTAL-vrift-join-1';
export const JOIN_EXPORTER_BYTES = 32;

/** Bytes of any frame but the welcome. */
export const MAX_JOIN_FRAME_BYTES = 4 * 1024;

/** A roster of 4 MiB, and what JSON adds to it. */
export const MAX_WELCOME_FRAME_BYTES = 4 * 1024 * 1024 + 512 * 1024;

/** How long the inviter keeps a connection on which nothing was settled. */
export const JOIN_DEADLINE_MS = 5_000;

/** What a newcomer's proof is made over before the transcript: one label per kind of proof. */
export const TOKEN_PROOF_LABEL = 'token';

/** First frame of the newcomer. Later kinds of joining add members to this union. */
export interface TokenFrame {
  kind: 'token';
  v: typeof JOIN_PROTOCOL;
  /** Mesh id that the token names. */
  mesh: string;
  /** What the newcomer's machine is called. */
  name: string;
  /** HMAC-SHA-256 with the token's secret over label and transcript; base64. */
  proof: string;
}

/** The inviter's answer, which ends the conversation. */
export type JoinAnswer =
  | {
      kind: 'welcome';
      /** Base64 of the exact bytes whose hash is the mesh id. */
      genesis: string;
      /** The verbatim envelopes; ASCII. */
      statements: string[];
      /** Base64 of 32 bytes. */
      secret: string;
    }
  /** The code alone; the newcomer has its own words for it. */
  | { kind: 'refused'; code: string };
