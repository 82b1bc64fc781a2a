import { resolve } from 'node:path';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/** Flags whose values may name files that neither dep-info nor the linker's own list mentions. */
const NAMING = ['-C link-arg', '-C link-args', '-C llvm-args', '-C linker-plugin-lto'];

/**
 * Files that arguments for linker and LLVM name: a linker's list holds what it linked, not what
 * told it how (`-specs=f` of gcc, `--retain-symbols-file=f` of GNU ld, plugins). Whatever part of
 * an argument is the name of a file counts as read. One that was written instead shows as changed
 * during the compile.
 */
export function namedFiles(unit: Unit, disk: DiskPort): string[] {
  return namedWords(unit).filter((path) => disk.changedNs(path) !== undefined);
}

/** Whatever part of such an argument may be the name of a file. */
export function namedWords(unit: Unit): string[] {
  const parts = unit.plan.arguments
    .filter((argument) => NAMING.includes(argument.flag))
    .flatMap(({ value = '' }) => value.split(/[\s,]/))
    .flatMap((part) => [part, part.slice(part.indexOf('=') + 1)]);
  return [...new Set(parts)].filter((part) => part !== '').map((part) => resolve(unit.cwd, part));
}
