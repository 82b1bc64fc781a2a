/** What the command line asks of the node, on the same socket as the launcher. */
export interface ControlRequest {
  kind: 'rpc';
  method: string;
  params: Record<string, unknown>;
}

/** Several `progress` frames may come before the one that ends the request. */
export type ControlReply =
  | { kind: 'progress'; message: string }
  | { kind: 'result'; result: unknown }
  | { kind: 'error'; code: string; message: string; hint: string };

export interface StartInfo {
  node: string;
  pid: number;
  home: string;
  socket: string;
  /** TCP port of the mesh listener; null while there is none. */
  port: number | null;
}

export interface MeshInfo {
  mesh: string;
  name: string;
  node: string;
  role: string;
}

/** A newcomer that waits for an admin's approval. Its name is what it calls itself. */
export interface KnockInfo {
  node: string;
  name: string;
  address: string;
  /** Milliseconds since the epoch. */
  since: number;
}

export interface StatusInfo {
  running: boolean;
  node: string;
  name: string;
  pid: number;
  version: string;
  uptimeMs: number;
  rssBytes: number;
  mesh: (MeshInfo & { members: number; connected: number; knocks: KnockInfo[] }) | null;
  /** Problems that the node works around, e.g. a port in use. */
  problems: { code: string; message: string; hint: string }[];
  store: { path: string; bytes: number; maxBytes: number; results: number; blobs: number };
  config: { key: string; value: unknown; source: string }[];
}

export interface MemberInfo {
  node: string;
  name: string;
  role: string;
  addedBy: string | null;
  revoked: boolean;
}

/** One that a member added; `statement` is the id of what says so. */
export interface AddedInfo {
  statement: string;
  node: string;
  name: string;
  role: string;
}

/** Whom a member added, as far as that counts. */
export interface AddedByInfo {
  node: string;
  name: string;
  added: AddedInfo[];
}

export interface RevokedInfo {
  node: string;
  name: string;
  /** Whether what it produced is refused as well. */
  recalled: boolean;
  /** Names of those whom it had added. */
  added: string[];
  /** Those of them who are members now, and those who are not. */
  kept: AddedInfo[];
  dropped: AddedInfo[];
}

export interface PeerInfo {
  name: string;
  node: string;
  address: string;
  state: 'connected' | 'unreachable' | 'incompatible' | 'seen';
  /** How the address was learnt. */
  via: 'mdns' | 'static' | 'exchange';
  rttMs: number | null;
  version: string | null;
  results: number | null;
  bytesIn: number;
  bytesOut: number;
  hits: number;
  /** Milliseconds since the epoch. */
  lastSeen: number | null;
}

export interface Percentiles {
  p50: number;
  p95: number;
}

/** See shared vocabulary in docs/commands.md: a unit is one compiler call that vrift looked at. */
export interface StatsInfo {
  units: number;
  hits: { disk: number; peer: number; remote: number };
  misses: number;
  compiled: number;
  probes: number;
  bypassed: Record<string, number>;
  /** Why results stayed on this machine. */
  localOnly: Record<string, number>;
  /**
   * Hits that were compiled all the same and compared; of those, how many differed. `skipped` were
   * restored instead: incremental state made them incomparable, or the compiler was stopped.
   */
  checks: { done: number; differed: number; skipped: number };
  /** Runs of build scripts: those that ran, those that were put in place, and why runs were not recorded. */
  scripts: {
    ran: number;
    replayed: { disk: number; peer: number };
    refused: Record<string, number>;
    /** Scripts that ran though they could have been replayed, and were compared. */
    checks: { done: number; differed: number; skipped: number };
  };
  /** Units that a result was there for, which was refused: by the policy, or because it was recalled. */
  refused: { policy: number; recall: number };
  /** Questions and fetches that ended because a peer was too slow for what compiling costs. */
  late: number;
  errors: Record<string, number>;
  bytes: {
    peerIn: number;
    peerOut: number;
    remoteIn: number;
    remoteOut: number;
    stored: number;
  };
  savedMs: number;
  latencyMs: { hitDisk: Percentiles; hitPeer: Percentiles };
}

/** What became of the last run of a package's build script. */
export interface ScriptInfo {
  package: string;
  outcome: 'replayed' | 'ran';
  /** Of a replay: `disk` or `peer`. */
  from: string;
  /** Why it ran: the first input that differs from a recorded run, or `new`. */
  why: string;
  /** Of a run: `stored`, or why it was not recorded. */
  recorded: string;
  /** In the node for a replay, the script's own for a run. */
  ms: number;
  at: number;
}

/** `mesh.recall`: what is refused from now on, and how many results went here. */
export interface RecallInfo {
  recalled: string;
  kind: 'node' | 'toolchain' | 'result';
  dropped: number;
}

/** Several nodes signed different results of one key. */
export interface ConflictInfo {
  /** Result key. */
  key: string;
  unitKey: string;
  /** Crate. */
  unit: string;
  target: string;
  /** When it was last seen to grow, in milliseconds since the epoch. */
  at: number;
  /** `at` is by the signer's clock; null for what this node made and has not signed. */
  results: { digest: string; signers: { node: string; name: string; at: number | null }[] }[];
}

/** Something in a target directory that a node vouched for (`vrift why --signed-by`). */
export interface SignedByInfo {
  unit: string;
  /** A file, or the directory of a build script. */
  path: string;
  /** Result key. */
  key: string;
  /** When it was put there, in milliseconds since the epoch. */
  at: number;
}

/** One input that differs. */
export interface WhyChange {
  /** `file PATH`, `variable NAME`, `flag NAME`, `dependency NAME`, `path of ROOT`, … */
  input: string;
  /** Digests of files and variables; other things as short text. `before` is the peer's, if asked. */
  before: string;
  after: string;
  /** What it is on this machine: a file's real path, a variable's value. */
  here?: string;
}

/** The last outcome of one unit (`vrift why`). */
export interface WhyInfo {
  unit: string;
  /** `rlib`, `bin`, `test`, …; `(check)` behind it when nothing is linked. */
  crateType: string;
  /** `name version`; '' for a call that was not looked up. */
  package: string;
  outcome: 'hit' | 'miss' | 'bypass';
  /** `disk` or a node id for a hit; what became of the result for a miss; the reason of a bypass. */
  from: string;
  /** What exactly about the reason of a bypass; else ''. */
  detail: string;
  /** '' for a call that was not looked up. */
  key: string;
  /** Of the result that was put in place, or made here; '' where there is none. */
  resultKey: string;
  /** Identity of the toolchain; '' for a call that was not looked up. */
  toolchain: string;
  /** For a miss: what differs from the nearest earlier result, or the peer's; first input first. */
  diff: WhyChange[];
  /** Without `--peer`: the node id of the peer whose result was the nearest; null for one of here. */
  against: string | null;
  /** Why the result stays on this machine. */
  local: string[];
  /** Roots that the result is bound to: their real path here, and why. */
  bound: { root: string; path: string; because: string }[];
  /** Milliseconds since the epoch. */
  at: number;
  /** Procedural macros that it may run. */
  macros: string[];
  /** Whether what they read is seen; else only what is declared is in the key. */
  observed: boolean;
  /** But for what the project's `extra_inputs` declare. */
  declared: string[];
  /** For a change that only follows from a dependency's: the unit and input where it began. */
  root: (WhyChange & { unit: string; crateType: string }) | null;
  /** With `--peer`: who was asked; `same` has the same result, `unknown` never compiled the unit. */
  peer: { node: string; name: string; state: 'differs' | 'same' | 'unknown' } | null;
}
