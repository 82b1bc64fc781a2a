/** Every error code, and what its reader can do next. `docs/errors.md` lists the same codes. */
export const HINTS = {
  VRIFT_STORE_FULL: 'Raise max_local_size in config.toml, or run `vrift gc`.',
  VRIFT_STORE_CORRUPT: 'The entry was discarded. Check the disk if this repeats.',
  VRIFT_STORE_UNUSABLE: 'Check that local_path exists, is writable and is on a local disk.',
  VRIFT_HOME_UNUSABLE: 'Choose a writable directory of your own with VRIFT_HOME, mode 0700.',
  VRIFT_SOCKET_PATH_TOO_LONG: 'Choose a shorter VRIFT_HOME: the socket path may have 103 bytes.',
  VRIFT_NODE_RUNNING: 'A node serves this VRIFT_HOME already: use it, or run `vrift stop` first.',
  VRIFT_NODE_ABSENT: 'Start the node with `vrift start`, or build with `vrift run -- cargo build`.',
  VRIFT_NODE_TIMEOUT: 'Look at `vrift log`; restart the node with `vrift stop` and `vrift start`.',
  VRIFT_NODE_START: 'Run `vrift start --foreground` and read what it prints.',
  VRIFT_CONFIG_INVALID: 'Correct the named line; docs/configuration.md lists every key.',
  VRIFT_CONFIG_UNTRUSTED:
    'Run `vrift allow` where the message says so; else set it in config.toml in VRIFT_HOME.',
  VRIFT_REMOTE_UNAVAILABLE: 'Remove remote_url: S3 and HTTP remotes are not available yet.',
  VRIFT_PORT_IN_USE: 'Choose another port under [mesh] in config.toml, then restart the node.',
  VRIFT_MESH_NONE: 'Run `vrift mesh join`: it finds the mesh of this office, or founds one.',
  VRIFT_MESH_MEMBER: 'This node belongs to a mesh: run `vrift mesh leave` first.',
  VRIFT_MESH_FORBIDDEN: 'Ask an admin of the mesh: `vrift mesh members` shows who is one.',
  VRIFT_MESH_DAMAGED: 'Restore VRIFT_HOME/identity from a backup, or remove it and join again.',
  VRIFT_ROTATION_UNFINISHED: 'Run `vrift mesh rotate` again: it goes on with the same new key.',
  VRIFT_TOKEN_MALFORMED: 'Copy the whole token as `vrift mesh invite` printed it.',
  VRIFT_TOKEN_EXPIRED: 'Ask for a new token: `vrift mesh invite` on an admin machine.',
  VRIFT_TOKEN_USED: 'A token admits one node. Ask for a new one: `vrift mesh invite`.',
  VRIFT_TOKEN_FOREIGN: 'The machine that answered belongs to another mesh: ask for a new token.',
  VRIFT_JOIN_UNREACHABLE: 'Check that the inviting machine is on and reachable, then try again.',
  VRIFT_JOIN_REFUSED: 'The inviting machine refused. Ask its owner for a new token.',
  VRIFT_JOIN_AMBIGUOUS: 'Name the mesh that you mean: `vrift mesh join --mesh NAME`.',
  VRIFT_KNOCK_UNANSWERED:
    'Call an admin, run `vrift mesh join` again, and read them the new code; or ask for a token.',
  VRIFT_KNOCK_FAILED: 'Nobody was added. Run `vrift mesh join` there again, for a new code.',
  VRIFT_KNOCK_NONE: 'See who waits with `vrift mesh approve --list`, and compare the code.',
  VRIFT_PEER_PROTOCOL: 'The peer runs another version of vrift: update the older of the two.',
  VRIFT_PEER_INVALID: 'The peer sent something wrong and was ignored. Look at `vrift log`.',
  VRIFT_PEER_UNKNOWN:
    'Give a name or the start of a node id as `vrift peers` lists those that were met.',
  VRIFT_PEER_AWAY: 'Wait until `vrift peers` shows it as connected; its node has to run.',
  VRIFT_RESTORE_FAILED:
    'The compiler ran instead. Check free space and rights in the target directory.',
  VRIFT_VERIFY_DIFFERS:
    'Report it with its folder in VRIFT_HOME/log/differences, unless the unit varies by itself.',
  VRIFT_FRAME_INVALID: 'Update vrift and its launcher together: `npm run build` or reinstall.',
  VRIFT_TOOLCHAIN_UNKNOWN: 'Check that the compiler runs: `rustc -vV` in the same directory.',
  VRIFT_CARGO_CONFIG: 'Add the line by hand: build.rustc-wrapper = "vrift-rustc".',
  VRIFT_BUILD_FAILED: 'Correct what cargo printed above, then run the command again.',
  VRIFT_LAUNCHER_MISSING: 'Reinstall vrift, or run `npm run build` where a rustc is installed.',
  VRIFT_USAGE: 'Run the command with --help.',
  VRIFT_INTERNAL: 'This is a defect of vrift: report it with the lines around it in `vrift log`.',
} as const satisfies Record<`VRIFT_${string}`, string>;

export type ErrorCode = keyof typeof HINTS;

/** An error that a person will read: what happened (message), and what to do next (hint). */
export class VriftError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'VriftError';
    this.code = code;
  }

  get hint(): string {
    return HINTS[this.code];
  }
}

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(HINTS, text);
}

/** The errno name of a system error (`ENOENT`, …), or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Wraps anything thrown, so that every failure leaves with a code. */
export function toVriftError(error: unknown): VriftError {
  if (error instanceof VriftError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new VriftError('VRIFT_INTERNAL', message, { cause: error });
}
