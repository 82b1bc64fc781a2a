import type { Digest } from './digest.js';

/**
 * What one output is to its unit. Roles are unique within a unit, so a consumer finds the file
 * name in its own plan and never in a peer's words. `dwo:SUFFIX` is one split-debuginfo object.
 */
export type OutputRole =
  | 'rlib'
  | 'rmeta'
  | 'staticlib'
  | 'dylib'
  | 'cdylib'
  | 'proc-macro'
  | 'bin'
  | 'dep-info'
  /** What a build script left in its OUT_DIR (pipeline/script/tree.ts). */
  | 'tree'
  /** A large file of that, by its place among them. */
  | `file:${number}`
  | 'dwp'
  | `dwo:${string}`;

export interface Output {
  role: OutputRole;
  /** Whether the file is 0755 rather than 0644, before the caller's umask. */
  executable: boolean;
  /** Bytes of the blob. */
  size: number;
  digest: Digest;
  /**
   * For rlib and rmeta: the digest of what a dependent can see of the content, without the
   * file-name hashes that differ between homes (docs/keying.md, "Externs").
   */
  identity?: Digest;
}

/**
 * `plain`: no incremental state. `incremental`: compiled into an empty state. `warm`: compiled
 * from a state with content, or against something that was; never leaves this machine.
 */
export type ResultClass = 'plain' | 'incremental' | 'warm';

/** What results look like in this version; others are neither used nor told of. */
export const RESULT_SCHEMA = 2;

/** One compile's outcome. It names no signer: attestations vouch for its digest. */
export interface Result {
  schema: typeof RESULT_SCHEMA;
  unitKey: Digest;
  resultKey: Digest;
  manifest: Digest;
  /** Toolchain identity, for recall. */
  toolchain: Digest;
  /** Target triple, or `host`'s. */
  target: string;
  crateName: string;
  class: ResultClass;
  /** `silent`, or the digest of the message format (width, colour, …) the messages were made for. */
  messages: 'silent' | Digest;
  /** Milliseconds the compiler took where it ran. No part of what is signed. */
  compileMs: number;
  outputs: Output[];
  /** Replayed to the caller; blobs like the outputs, mapped paths inside. */
  stdout: { digest: Digest; size: number };
  stderr: { digest: Digest; size: number };
}

/**
 * What one compile read, beyond its command line. Paths are mapped (`./src/lib.rs`,
 * `/vr/cargo/…`) or absolute in a system directory. Lists are sorted.
 */
export interface Manifest {
  schema: 1;
  inputs: [path: string, digest: Digest][];
  /** Variables with the digest of their (mapped) value, or null for unset. Never a value. */
  env: [name: string, digest: Digest | null][];
  /** Paths that must not exist. */
  absent: string[];
  /** Directories by the digest of their sorted names; `there` where only that was asked. */
  listed: [path: string, names: Digest | 'there'][];
  /**
   * Which of the inputs, variables and directories no dep-info declares: they were seen while the
   * compiler ran. Null: nobody watched.
   */
  observed: string[] | null;
  /** Roots whose real path is baked into an output, with the digest of that path. */
  bound: [root: string, digest: Digest][];
}

/** A node's word that it compiled this result itself. `signed` holds the exact signed bytes. */
export interface Attestation {
  mesh: string;
  signer: string;
  resultKey: Digest;
  resultDigest: Digest;
  /** Milliseconds since the epoch, by the signer's clock; for people only. */
  at: number;
  /** Base64 of the DSSE payload, verbatim. */
  payload: string;
  /** Base64 of the Ed25519 signature over the payload's PAE. */
  signature: string;
}
