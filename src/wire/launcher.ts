/**
 * What the launcher and the node say to each other on the unix socket. Strings that stand for
 * bytes (argv, environment, paths, streams) use surrogate escapes: a byte that is no valid UTF-8
 * becomes the lone surrogate U+DC80…U+DCFF (wire/bytes.ts). docs/protocol.md has the whole story.
 */
export const LAUNCHER_PROTOCOL = 1;

/**
 * Nanoseconds of the system's monotonic clock, where VRIFT_TRACE is set. In the first frame:
 * processor time before the launcher's first line, that line, the sending. In `done`: the answer
 * read, each op done, the sending. In `ran`: the answer read, the compiler's end, the sending.
 */
export type Times = number[];

/** First frame of a connection. */
export interface CallFrame {
  kind: 'call';
  v: typeof LAUNCHER_PROTOCOL;
  /** argv[0] is the compiler that cargo named (or the workspace wrapper, then the compiler). */
  argv: string[];
  cwd: string;
  /** `NAME=value` each, in the order of the process. */
  env: string[];
  umask: number;
  /** Standard input is the null device; told of calls that would read a source from it. */
  readsNothing?: true;
  pid: number;
  at?: Times;
}

/** First frame of a build script's front: a copy of the launcher that stands in its place. */
export interface ScriptFrame extends Omit<CallFrame, 'kind'> {
  kind: 'script';
  /** The script itself. `argv[0]` is what cargo started. */
  program: string;
}

/** Puts one file in place. Paths are absolute; parents exist. `size` is checked before renaming. */
export type RestoreOp =
  | { op: 'link'; from: string; to: string; mode: number; size: number }
  | { op: 'copy'; from: string; to: string; mode: number; size: number }
  | { op: 'write'; text: string; to: string; mode: number }
  /** The launcher itself, in the place of a build script. */
  | { op: 'front'; to: string }
  /** `size` bytes of a file, from `offset` on. */
  | { op: 'slice'; from: string; offset: number; size: number; to: string; mode: number }
  | { op: 'dir'; to: string; mode: number }
  | { op: 'symlink'; target: string; to: string }
  /** A directory of which everything inside is removed. */
  | { op: 'empty'; to: string };

/** `[/vr/…, real path]`: replaced in stderr, whole path components only, longest first. */
export type Unmapping = [mapped: string, real: string];

export type NodeReply =
  /** The node is alive and needs more time. Sent at least every `HEARTBEAT_MS`. */
  | { act: 'wait' }
  /** Run the compiler as if vrift were not there. `note` goes to stderr first, when present. */
  | { act: 'pass'; note?: string }
  | {
      act: 'hit';
      ops: RestoreOp[];
      stdout: string;
      stderr: string;
    }
  | {
      act: 'run';
      argv: string[];
      unmap: Unmapping[];
      /** Paths whose stat the report carries, in this order; a missing file is `null`. */
      stat: string[];
      /** Parent directories to make first (incremental state, temporary files). */
      mkdirs: string[];
      /**
       * Milliseconds that the launcher waits, after its report, for `kept`: the caller may remove
       * the target directory as soon as the launcher has ended. 0: it does not wait.
       */
      ackMs: number;
      /** Preload `library` into the compiler, which then appends to `log` (wire/observed.ts). */
      observe?: { library: string; log: string };
      /** `NAME=value` each, on top of the caller's environment. */
      env?: string[];
      /** After a success, `program` gets the name `real` and the launcher takes its place. */
      front?: { program: string; real: string };
    }
  /** What the compiler made and read is safe; ends a call that was run with `ackMs`. */
  | { act: 'kept' };

export const ACK_MS = 1_000;

export const HEARTBEAT_MS = 500;

/** `dev:ino:size:mtimeNs:ctimeNs:mode`, decimal (mode octal), or null for a missing file. */
export type StatText = string | null;

export type LauncherReport =
  /** After a hit: the stat of each op's target, in the order of `ops`. */
  | { kind: 'done'; made: StatText[]; at?: Times }
  /** The hit could not be restored; nothing of the unit is half there. The node answers `run`. */
  | { kind: 'failed'; error: string }
  | {
      kind: 'ran';
      /** Exit code, or null when a signal ended the compiler. */
      code: number | null;
      signal: number | null;
      /** As the compiler wrote them, before un-mapping. */
      stdout: string;
      stderr: string;
      /** The streams were longer than what is kept of them. */
      truncated?: boolean;
      made: StatText[];
      /** Wall milliseconds from spawn to exit. */
      ms: number;
      /** CLOCK_REALTIME nanoseconds just before the spawn, decimal. */
      startedNs: string;
      at?: Times;
    };
