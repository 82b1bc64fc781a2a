import {
  constants,
  copyFileSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { DifferenceReport, DifferencesPort } from '../pipeline/check.js';
import { VERSION } from '../wire/version.js';

/** Of each difference. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;
/** The latest reports stay, and of the latest among them also the files. */
const MAX_REPORTS = 32;
const MAX_WITH_FILES = 3;

/** Puts aside what self-checks found: one folder each, with `report.json` and the files. */
export function openDifferences(dir: string, now: () => number): DifferencesPort {
  return {
    keep(report, files) {
      try {
        const suffix = `-${report.result.unitKey.slice(0, 16)}`;
        const before = foldersIn(dir);
        const earlier = before.filter((name) => name.endsWith(suffix)).length;
        const folder = join(dir, `${Math.round(now())}-${report.unit}${suffix}`);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        tidy(dir);
        writeReport(folder, report, earlier, copyInto(folder, files));
        return { folder, earlier };
      } catch {
        // The event is counted and logged all the same.
        return undefined;
      }
    },
  };
}

function tidy(dir: string): void {
  const folders = foldersIn(dir).toReversed();
  for (const name of folders.slice(MAX_REPORTS)) {
    rmSync(join(dir, name), { recursive: true, force: true });
  }
  for (const name of folders.slice(MAX_WITH_FILES, MAX_REPORTS)) {
    const files = readdirSync(join(dir, name)).filter((file) => file !== 'report.json');
    for (const file of files) rmSync(join(dir, name, file), { force: true });
  }
}

function writeReport(
  folder: string,
  report: DifferenceReport,
  earlier: number,
  files: readonly string[],
): void {
  const text = JSON.stringify({ vrift: VERSION, earlier, files, ...report }, null, 2);
  writeFileSync(join(folder, 'report.json'), `${text}\n`, { mode: 0o600 });
}

/** @returns the names of what had room */
function copyInto(folder: string, files: readonly { name: string; path: string }[]): string[] {
  let room = MAX_BYTES;
  const copied: string[] = [];
  for (const { name, path } of files) {
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined || size > MAX_FILE_BYTES || size > room) continue;
    const to = name.replaceAll(/[^A-Za-z0-9._-]/g, '_');
    copyFileSync(path, join(folder, to), constants.COPYFILE_FICLONE);
    room -= size;
    copied.push(to);
  }
  return copied;
}

/** Their names begin with the time: oldest first. */
function foldersIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
}
