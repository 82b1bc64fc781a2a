import type { OutputRole } from '../base/result.js';

/** Why a call is not cached. Every reason is counted under this name in `vrift stats`. */
export type BypassReason =
  | 'not a compiler'
  | 'workspace wrapper'
  | 'unknown flag'
  | 'response file'
  | 'raw bytes in arguments'
  | 'variable set twice'
  | 'emit kind'
  | 'output file option'
  | 'no dep-info'
  | 'crate type'
  | 'crate name'
  | 'target output names'
  | 'target specification file'
  | 'linker flavor'
  | 'profiling data'
  | 'save temps'
  | 'unstable flag'
  | 'no source'
  | 'toolchain'
  | 'linker'
  | 'native library'
  | 'build script inputs'
  | 'profile not cached'
  | 'extension not cached'
  | 'extra inputs'
  | 'switched off'
  | 'project configuration';

/** One `--extern [options:]name[=path]`. */
export interface Extern {
  name: string;
  /** `priv`, `noprelude`, … as written, or ''. */
  options: string;
  /** Absolute; undefined for a crate of the sysroot. */
  path: string | undefined;
}

/** `-L [kind=]path`. */
export interface SearchDir {
  kind: string;
  path: string;
}

/** `-l [kind[:modifiers]=]name[:rename]`. */
export interface NativeLib {
  kind: string;
  modifiers: string;
  /** As `#[link(name = …)]` has it. */
  name: string;
  /** What is looked for: the name, unless the flag renames it. */
  file: string;
}

export interface PlannedOutput {
  role: OutputRole;
  /** Absolute. */
  path: string;
  /** As the compiler itself writes it in messages and dep-info. */
  spelt: string;
  executable: boolean;
  /** What rustc calls it in an artifact message, where it sends one. */
  emit: 'link' | 'metadata' | 'dep-info';
  /** Where the compiler writes it, when a front takes its place there and `path` is beside it. */
  front?: string;
}

/** One argument after parsing: enough to print it again, mapped or not. */
export interface Argument {
  /** The flag as the table names it (`--extern`, `-C opt-level`), or '' for a free argument. */
  flag: string;
  /** The words as written, e.g. ['-C', 'opt-level=3']. */
  words: string[];
  /** The value alone, when the flag takes one. */
  value: string | undefined;
}

export interface RustcPlan {
  compiler: string;
  /** clippy-driver's path when it stands before rustc. */
  clippy: string | undefined;
  arguments: Argument[];
  crateName: string;
  crateTypes: string[];
  test: boolean;
  /** As written on the command line. */
  source: string;
  target: string | undefined;
  /** Absolute; as the command line has it below. */
  outDir: string;
  speltOutDir: string | undefined;
  extraFilename: string;
  metadata: string | undefined;
  incremental: string | undefined;
  externs: Extern[];
  searchDirs: SearchDir[];
  nativeLibs: NativeLib[];
  linkArgs: string[];
  /** `-C linker=`. */
  linker: string | undefined;
  optimised: boolean;
  targetCpuNative: boolean;
  splitDebuginfo: 'off' | 'packed' | 'unpacked';
  /** Whether there is any debug information to split off. */
  debuginfo: boolean;
  /** Flags under which a path may stand in an output where no scan finds it. */
  opaque: boolean;
  /** `-C rpath`: the way from the output to shared libraries stands in it. */
  rpath: boolean;
  /** Whether the linker runs. */
  links: boolean;
  /** Whether the content of dependencies' rlibs goes into an output. */
  bundles: boolean;
  json: boolean;
  artifactMessages: boolean;
  /** Reports that were asked for, and that come whatever lints say. */
  reports: string[];
  /** What `--emit` asks for; a path where it names one. */
  emit: Partial<Record<'link' | 'metadata' | 'dep-info', string | null>>;
}

export type Parsed =
  | { kind: 'plan'; plan: RustcPlan }
  | { kind: 'probe' }
  | { kind: 'bypass'; reason: BypassReason; detail: string };
