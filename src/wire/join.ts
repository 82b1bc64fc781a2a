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

/** How long a knock waits for an admin; after that nothing of it remains. */
export const KNOCK_MS = 10 * 60_000;

/** How long the newcomer may take to open its code, once an admin proved to know it. */
export const OPEN_MS = 5_000;

/** Knocks that one admin's node keeps, in all and from one address. */
export const MAX_KNOCKS = { total: 8, perAddress: 2 } as const;

/** What a proof is made over before the transcript: one label per kind of proof. */
export const TOKEN_PROOF_LABEL = 'token';
export const ADMIN_PROOF_LABEL = 'admin';

/** First frame of a newcomer that looks for a mesh. The answer, `AboutFrame`, ends the talk. */
export interface AskFrame {
  kind: 'ask';
  v: typeof JOIN_PROTOCOL;
}

/** What a stranger may know: what the mesh is called, and whether this machine can let in. */
export interface AboutFrame {
  kind: 'about';
  mesh: string;
  name: string;
  admin: boolean;
}

/** First frame of a newcomer that has no token. `WaitingFrame` says that it was heard. */
export interface KnockFrame {
  kind: 'knock';
  v: typeof JOIN_PROTOCOL;
  mesh: string;
  /** What the newcomer's machine is called. */
  name: string;
  /** SHA-256 of the number behind its code, base64: it cannot choose among many afterwards. */
  commit: string;
}

export interface WaitingFrame {
  kind: 'waiting';
}

/** An admin typed a code: HMAC-SHA-256 with what scrypt makes of it, over label and transcript. */
export interface ProofFrame {
  kind: 'proof';
  proof: string;
}

/** The newcomer's answer to a proof: the number behind its code, or that it was another code. */
export type OpenFrame = { kind: 'open'; nonce: string } | { kind: 'wrong' };

/** First frame of a newcomer with a token. */
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

/** The last frame of whoever lets in, or not. */
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
