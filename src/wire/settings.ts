/** An error as JSON shows it. */
export interface ErrorInfo {
  code: string;
  message: string;
  hint: string;
}

/** `project.check`: what the velo.toml above a directory does. */
export interface ProjectInfo {
  file: string | null;
  /** The file is broken; the project's builds go on without the cache. */
  error: ErrorInfo | null;
  /** Settings that a project cannot make. */
  ignored: ErrorInfo[];
}

/** `cargo.init`: the text of a cargo configuration with or without vrift's line. */
export interface CargoEditInfo {
  text: string;
  /** `build.rustc-wrapper` before and after; null when there is none. */
  before: string | null;
  after: string | null;
}

/** `project.allow` and `project.disallow`. */
export interface AllowInfo {
  /** Real path. */
  file: string;
  /** SHA-256 of the text, hex. */
  digest: string;
  /** What has effect only since it is allowed. */
  widens: { key: string; value: unknown; source: string }[];
  /** What no project can set. */
  ignored: string[];
}

/** `project.allowed`: what was allowed, and whether that still is the file's text. */
export interface AllowedInfo {
  file: string;
  digest: string;
  /** Milliseconds since the epoch. */
  at: number;
  state: 'holds' | 'changed' | 'gone';
}
