import { parseObserved, type Sighting } from '../wire/observed.js';
import type { DiskPort, PipelinePorts } from './ports.js';
import type { Unit } from './prepare.js';

export interface Watch {
  library: string;
  log: string;
}

/**
 * What the launcher needs to have a compile watched. Only macros read what no dep-info tells, so
 * nothing else is watched.
 *
 * @returns `blind` when it should be watched and cannot be: the install of this node is gone (a
 *   newer one took its place), or the disk is full
 */
export function watch(
  unit: Unit,
  { observer, disk, store }: PipelinePorts,
): Watch | 'blind' | undefined {
  if (observer === undefined || !unit.macros.any) return undefined;
  // The dynamic loader complains about a library that is missing, and cc takes that for a warning.
  if (!disk.exists(observer)) return 'blind';
  const log = store.tmpPath();
  return disk.make(log) ? { library: observer, log } : 'blind';
}

/**
 * Reads a log once and removes it.
 *
 * @returns undefined when the compiler was not watched to its end: the log is gone (the observer
 *   takes it away when it cannot write), empty, or not to be understood
 */
export function takeSightings(watched: Watch | undefined, disk: DiskPort): Sighting[] | undefined {
  if (watched === undefined) return undefined;
  const log = disk.read(watched.log);
  disk.remove(watched.log);
  if (log === undefined || log.length === 0) return undefined;
  return parseObserved(log);
}
