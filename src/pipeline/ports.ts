import type { Digest } from '../base/digest.js';
import type { Attestation, Manifest, Result } from '../base/result.js';

/** A result that a peer holds for a unit key, checked for signature, membership and shape. */
export interface Candidate {
  manifest: Manifest;
  result: Result;
  attestations: Attestation[];
  /** Node ids of the peers that hold it, nearest first. */
  holders: string[];
}

export interface Deadline {
  deadlineMs: number;
  signal?: AbortSignal;
}

/** The mesh as one call sees it. Nothing here throws for a peer's fault: that is a miss. */
export interface MeshPort {
  /** Whether asking makes sense: a mesh, and at least one connected peer. */
  readonly reachable: boolean;
  /** Asks all connected peers at once; [] when the deadline passes first. */
  find(unitKey: Digest, within: Deadline): Promise<Candidate[]>;
  /**
   * Fetches blobs into temporary files on the store's filesystem, each of exactly the announced
   * size and digest; undefined when not all of them could be had in time (nothing is left then).
   */
  fetch(
    candidate: Candidate,
    need: { digest: Digest; size: number }[],
    within: Deadline,
  ): Promise<{ files: Map<Digest, string>; from: string; bytes: number } | undefined>;
}
