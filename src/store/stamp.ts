import { type BigIntStats, lstatSync, statfsSync, statSync } from 'node:fs';

/**
 * Stats of a regular file, or undefined for anything else and for a path that cannot be read.
 * @param follow whether a symbolic link counts as what it points to
 */
export function statFile(path: string, follow: boolean): BigIntStats | undefined {
  try {
    const options = { bigint: true, throwIfNoEntry: false } as const;
    const stat = follow ? statSync(path, options) : lstatSync(path, options);
    return stat?.isFile() ? stat : undefined;
  } catch {
    return undefined;
  }
}

/** Tells one state of a file from every other: `dev:ino:size:mtimeNs:ctimeNs`. */
export function stampOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/** Whether two stats show the same content, unless somebody forged an mtime. */
export function isSameContent(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/** Knows how finely each file system stamps its files. */
export class Grains {
  readonly #byDevice = new Map<bigint, number>();

  /**
   * Whether a file was left alone for so long before `nowMs` that any later write must show in its
   * times. A kernel stamps files from a clock that moves once a tick (10 ms at the coarsest on
   * Linux): two writes within one tick look the same. A time in the future never settles.
   */
  isSettled(path: string, stat: BigIntStats, nowMs: number): boolean {
    const newestMs = Math.max(milliseconds(stat.mtimeNs), milliseconds(stat.ctimeNs));
    return newestMs + this.grainMs(path, stat) < nowMs;
  }

  /** The same for the content alone: linking a file elsewhere moves its ctime. */
  isContentSettled(path: string, stat: BigIntStats, nowMs: number): boolean {
    return milliseconds(stat.mtimeNs) + this.grainMs(path, stat) < nowMs;
  }

  /** Milliseconds that must lie between a write and the next for the stamp to differ. */
  grainMs(path: string, stat: BigIntStats): number {
    if (stat.mtimeNs % SECOND === 0n || stat.ctimeNs % SECOND === 0n) return COARSE_MS;
    let grain = this.#byDevice.get(stat.dev);
    if (grain === undefined) {
      grain = isLocal(path) ? LOCAL_MS : COARSE_MS;
      this.#byDevice.set(stat.dev, grain);
    }
    return grain;
  }
}

/**
 * The last moment for which a file's ctime may stand, in nanoseconds: where whole seconds are written
 * down, or pairs of them, it may have been changed later in those.
 */
export function changedByNs({ ctimeNs }: BigIntStats): bigint {
  return ctimeNs % SECOND === 0n ? ctimeNs + 2n * SECOND : ctimeNs;
}

/** Rounded down. */
export function milliseconds(ns: bigint): number {
  return Number(ns / 1_000_000n);
}

const SECOND = 1_000_000_000n;
/** Two ticks, and room for rounding. */
const LOCAL_MS = 25;
/** For what stamps whole seconds (small ext4 inodes), pairs of them, or takes another machine's clock. */
const COARSE_MS = 2500;

/** Magic numbers of file systems that take the kernel's own clock, in nanoseconds. */
const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0xef53, // ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x01021994, // tmpfs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0x794c7630, // overlayfs
  0xca451a4e, // bcachefs
]);

function isLocal(path: string): boolean {
  try {
    return LOCAL_FILE_SYSTEMS.has(statfsSync(path).type);
  } catch {
    return false;
  }
}
