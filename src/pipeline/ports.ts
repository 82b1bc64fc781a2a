import type { Clock } from '../base/clock.js';
import type { Digest, Hasher } from '../base/digest.js';
import type { ErrorCode } from '../base/errors.js';
import type { Attestation, Manifest, Result } from '../base/result.js';
import type { BypassReason, RustcPlan } from '../compilers/plan.js';
import type { Declared } from '../keying/declared.js';
import type { Change } from '../keying/explain.js';
import type { Environment, Files } from '../keying/ports.js';
import type { LauncherReport, NodeReply } from '../wire/launcher.js';
import type { TreeEntry } from './script/tree.js';
import type { TracePort } from './trace.js';

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
  /** What a peer used after a unit, in the order of use; [] when it does not say. */
  unitsAfter(node: string, unitKey: Digest): Promise<Digest[]>;
  /** What a peer has for unit keys, checked for signature, membership and shape. */
  resultsOf(node: string, unitKeys: Digest[]): Promise<Candidate[]>;
  /** Whether asking makes sense: a mesh, and at least one connected peer. */
  readonly reachable: boolean;
  /**
   * Asks all connected peers at once; [] when the deadline passes first. In haste, who was late
   * once is asked and not waited for, until it was quick again.
   */
  find(unitKey: Digest, within: Deadline & { hasty?: boolean }): Promise<Candidate[]>;
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

/** Why a result that somebody signed is not used. It is no lie: others may have other policies. */
export interface Objection {
  reason: 'policy' | 'recall';
  /** What there is, and what is asked for. */
  change: Change;
}

/** Who is believed about results. Asked at every restore: it costs no signature check. */
export interface TrustPort {
  /** Why a peer's result, whose signatures hold, may not be taken in. */
  taking(candidate: Pick<Candidate, 'result' | 'attestations'>): Objection | undefined;
  /** Why a stored result may not be put in place, or one of this node's own not be stored. */
  keeping(
    stored: Pick<StoredResult, 'attestations' | 'origin'> & {
      result: Pick<Result, 'resultKey' | 'toolchain'>;
    },
  ): Objection | undefined;
  /** Whether all that a toolchain made is refused: then nobody needs to be asked. */
  isRecalledToolchain(toolchain: Digest): boolean;
}

/** What of one result was put in place, beside the file that it became. */
export interface Taken {
  unit: string;
  key: Digest;
  /** Node ids of those who vouched for it; [] once something of this node's took its place. */
  signers: string[];
  /** Milliseconds since the epoch. */
  at: number;
  /** Content of a file; null for the directory of a build script. */
  digest: Digest | null;
}

export interface StoredResult {
  result: Result;
  manifest: Manifest;
  resultDigest: Digest;
  attestations: Attestation[];
  /** Never served to a peer. */
  localOnly: boolean;
  origin: 'own' | 'peer' | 'remote';
  /** Adopted beside one of this node's own, and not restored so far. */
  untried?: true;
  /** Local-only for a setting alone: the code is private. */
  withheld?: true;
}

export interface StorePort {
  manifestsOf(unitKey: Digest): { digest: Digest; manifest: Manifest }[];
  resultsOf(resultKey: Digest): StoredResult[];
  /** Whether the blob is there and unchanged; drops what is not. */
  check(digest: Digest, size: number): 'ok' | 'gone';
  blobPath(digest: Digest): string;
  /** undefined for a blob that is gone. */
  readBlob(digest: Digest): Buffer | undefined;
  pin(digests: readonly Digest[]): Disposable;
  /** It was used: that very result of the key. */
  touch(resultKey: Digest, resultDigest: Digest): void;
  dropResult(resultKey: Digest, resultDigest: Digest): void;
  /** Keeps all that is stored for a unit from peers. */
  withhold(unitKey: Digest): void;
  /** Lets peers have one result again that was withheld. */
  release(resultKey: Digest, resultDigest: Digest): void;
  /** Hashes a blob whatever its stat says: whether it is what its name says. */
  isIntact(digest: Digest): Promise<boolean>;
  /** Drops a blob that is not, and with it whatever names it. */
  dropBlob(digest: Digest): void;
  putFile(
    path: string,
    options: { link: boolean },
  ): Promise<{ digest: Digest; size: number } | undefined>;
  putBytes(bytes: Buffer): Promise<{ digest: Digest; size: number }>;
  adopt(path: string, digest: Digest, size: number): Promise<void> | void;
  putResult(entry: StoredResult): void;
  /** Room for so many bytes, or undefined when the bound does not allow it. */
  reserve(bytes: number): Disposable | undefined;
  /** A fresh name on the store's filesystem. */
  tmpPath(): string;
}

/** More of the disk than keying needs: what happens after a compile, off the reply path. */
export interface DiskPort extends Files {
  /** Change time in nanoseconds; undefined for a missing file. */
  changedNs(path: string): bigint | undefined;
  /** Change time of a directory in nanoseconds; undefined for anything else. */
  namesChangedNs(path: string): bigint | undefined;
  /** Makes an empty file; false when that is not possible. */
  make(path: string): boolean;
  /** When a link was made or a directory moved (or its rights changed), in nanoseconds. */
  movedNs(path: string): bigint | undefined;
  /** Which of the prefixes stand in the file's bytes. */
  scan(path: string, prefixes: readonly string[]): Promise<string[]>;
  /**
   * Whether a text stands in the file's bytes; remembered by content.
   *
   * @param known its content's digest, where the caller has just made sure of it
   */
  mentions(path: string, text: string, known?: Digest): Promise<boolean>;
  /** The same: whether it, or a macro in it, may have the assembler read a file. */
  mayAssemble(path: string, known?: Digest): Promise<boolean>;
  /** Whether code of a dynamic library may go through all variables; false where that is not told. */
  mayReadAllVariables(path: string): Promise<boolean>;
  /** Everything below a directory; undefined when it holds something else than files, directories, links. */
  walk(dir: string): TreeEntry[] | undefined;
  /** Content of a regular file whose path may hold surrogate escapes. */
  readRaw(path: string): Buffer | undefined;
  remove(path: string): void;
  /** Makes a directory of symlinks to the files; false when that cannot be done. */
  gather(dir: string, files: readonly string[]): boolean;
  removeDir(dir: string): void;
  /** `dev:ino:size:mtimeNs:ctimeNs`, decimal; undefined for a missing file. */
  stamp(path: string): string | undefined;
  /**
   * Gives a file a second name, so that removing the first does not take it; undefined on another
   * filesystem.
   */
  hold(path: string, name: string): string | undefined;
  /** How many names a file has. */
  links(path: string): number | undefined;
  /**
   * The digest that a just-written file has, known without reading it.
   *
   * @param links how many names it had then, where that is known
   */
  recordFile(path: string, stat: string, digest: Digest, links?: number): void;
  /** The digest of what was read from the file since it had the stamp `before`. */
  recordRead(
    path: string,
    before: string,
    startedMs: number,
    read: { digest: Digest; content: Buffer },
  ): void;
  /** Digests a file of any size without holding up other calls. */
  digestAsync(path: string): Promise<Digest | undefined>;
}

export interface Toolchain {
  id: Digest;
  sysroot: string;
  /** Host triple. */
  host: string;
  commit: string | undefined;
  /** For people: `rustc 1.95.0 (59807616e 2026-04-14)`. */
  version: string;
}

export interface Linker {
  id: Digest;
  /** Where the linker looks for libraries, in its order. */
  searchDirs: string[];
  /** Variables that a script among its programs names. */
  reads: readonly string[];
}

/** Knows compilers and linkers by content; runs them only when it meets one for the first time. */
export interface ToolsPort {
  toolchain(
    compiler: string,
    target: string | undefined,
    cwd: string,
    env: Environment,
  ): Promise<Toolchain | undefined>;
  /** A string is the reason why links with it are not cached. */
  linker(plan: RustcPlan, cwd: string, env: Environment): Promise<Linker | string>;
  /** Whether the system's `cc` and `c++` know `-ffile-prefix-map`. */
  prefixMaps(cwd: string, env: Environment): Promise<{ c: boolean; cxx: boolean }>;
  /** Digest of clippy-driver and its configuration for the package. */
  clippy(driver: string, cwd: string, env: Environment): Digest | undefined;
  /** What `target-cpu=native` means here. */
  cpu(): string;
  /** This machine's name, and its kernel: what `uname` says. */
  host(): string;
  /** The top of cargo's target directory for an output directory. */
  targetDir(outDir: string, env: Environment): string;
}

export interface ProjectRules {
  enabled: boolean;
  cacheTargets?: readonly string[] | undefined;
  cacheExtensions?: readonly string[] | undefined;
  /** Packages whose build scripts run each time; patterns. */
  runScripts?: readonly string[];
  /** `false`: nothing is told to peers, and nothing asked of them. */
  share?: boolean;
  /** What the project that the crate belongs to says of that itself, whoever builds it. */
  ownShare?: boolean;
  /** Crates and packages of which the same holds; patterns. */
  exclude?: readonly string[];
  /** How many of the hits are checked, where that is more than the node's own rate. */
  checkRate?: number;
}

/** What a project declares as read by its macros; `broken` where its file is no good. */
export type DeclaredInputs =
  | ({ kind: 'known' } & Declared)
  | { kind: 'unclear'; patterns: readonly string[]; problem: string }
  | { kind: 'broken'; problem: string };

/** Where it is kept that several nodes made different things of the same. */
export interface ConflictsPort {
  /** All that is known of one result key. */
  saw(
    results: readonly Pick<StoredResult, 'result' | 'resultDigest' | 'attestations' | 'origin'>[],
  ): void;
}

export interface TablePort<T> {
  get(key: string): T | undefined;
  put(key: string, value: T): void;
}

export type Outcome =
  | {
      kind: 'hit';
      unit: string;
      key: Digest;
      from: 'disk' | 'peer' | 'remote';
      peer: string | undefined;
      bytes: number;
      ms: number;
      savedMs: number;
    }
  | {
      kind: 'miss';
      unit: string;
      key: Digest;
      code: number | null;
      ms: number;
      why: string;
      stored: string;
    }
  | { kind: 'bypass'; unit: string; reason: BypassReason; detail: string }
  | { kind: 'probe' };

/** How a build script's run ended. */
export type ScriptOutcome =
  | {
      kind: 'replayed';
      name: string;
      from: 'disk' | 'peer';
      ms: number;
      savedMs: number;
      bytes: number;
    }
  /** `why` it was not replayed; `recorded`: `stored`, or why the next will not be either. */
  | { kind: 'ran'; name: string; why: string; recorded: string; ms: number };

export interface Recorder {
  script(outcome: ScriptOutcome): void;
  outcome(outcome: Outcome): void;
  /** A result stays on this machine, and why. */
  localOnly(reason: string, unit: string): void;
  error(code: ErrorCode, message: string): void;
  /** A peer's result was stored because all nodes prefer it to the one that was here. */
  adopted(unit: string, unitKey: Digest, peer: string | undefined, bytes: number): void;
  stored(bytes: number): void;
  /** Bytes of a peer's result that came before anybody asked for it. */
  cameAhead(bytes: number): void;
  /** A result could not be had from its holders in the time that it is worth. */
  late(unit: string): void;
  /** A result was there, and not used for who signed it, or because it was recalled. */
  refused(reason: Objection['reason'], unit: string): void;
  /** A hit was to be compiled, or a script to be run, and compared: how that ended. */
  checked(ending: 'same' | 'differs' | 'skipped', what?: 'script'): void;
}

/** One launcher's connection after its call frame. */
export interface Channel {
  send(reply: NodeReply): void;
  /** The next report; undefined when the launcher is gone. */
  next(): Promise<LauncherReport | undefined>;
}

/** Why what a build script wrote must not leave this machine, nor what a crate made of it. */
export interface KeptDir {
  /** The variable that it read; '' for none. */
  secret: string;
  offMesh: boolean;
}

export interface PipelinePorts {
  hasher: Hasher;
  clock: Clock;
  disk: DiskPort;
  store: StorePort;
  mesh: MeshPort;
  tools: ToolsPort;
  /** Rules of the project that the call belongs to; a string is why there are none. */
  rules(outDir: string, cwd: string, packageDir?: string): ProjectRules | string;
  /** A call was kept off the mesh: what was stored of that crate before has to follow. */
  secluded(crate: string | undefined, exclude: readonly string[]): void;
  /** A crate's result may be had by peers from now on. */
  published(crate: string): void;
  /** Output directories of build scripts whose runs stay here. */
  keptDirs: TablePort<KeptDir>;
  /** Programs of build scripts that are private, by content. */
  privatePrograms: TablePort<boolean>;
  /** The present state of what is declared for a package; undefined when nothing is. */
  declared(packageDir: string): Promise<DeclaredInputs | undefined>;
  trust: TrustPort;
  /** Told of several results of one key. */
  conflicts: ConflictsPort;
  /** What came from others and lies in target directories, by path. */
  taken: TablePort<Taken>;
  artifacts: TablePort<import('./artifacts.js').ArtifactRecord>;
  timings: TablePort<number>;
  /** What compilers answered to cargo's questions. */
  probes: TablePort<import('./probes.js').Answered>;
  /** What programs were made from, by content, where they hold paths of this machine. */
  origins: TablePort<Digest>;
  history: TablePort<import('./outcomes.js').PastOutcome[]>;
  recorder: Recorder;
  /** The library that watches compilers (src/observer); undefined where there is none. */
  observer: string | undefined;
  /** Whether runs of build scripts are recorded and replayed, where there is an observer. */
  buildScripts: boolean;
  differences: import('./check.js').DifferencesPort;
  /** How many of the hits are compiled all the same and compared: 0 to 1. */
  checkRate: number;
  /** From 0 up to, but not including, 1. */
  random(): number;
  traces: TracePort;
}
