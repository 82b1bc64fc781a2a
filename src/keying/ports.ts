import type { Digest } from '../base/digest.js';

/** What keying asks of the disk. Synchronous: these are cached stats on the hit path. */
export interface Files {
  /** Content of a regular file, or undefined when there is none. */
  digest(path: string): Digest | undefined;
  exists(path: string): boolean;
  read(path: string): Buffer | undefined;
  /** Names in a directory, or undefined when it cannot be listed. */
  list(path: string): string[] | undefined;
  /** Without symlinks; the path itself when it does not exist. */
  realpath(path: string): string;
}

/** The caller's environment. */
export type Environment = ReadonlyMap<string, string>;
