import { join } from 'node:path';
import type { Output } from '../base/result.js';
import type { RestoreOp } from '../wire/launcher.js';
import { unpackDepFile } from './depFile.js';
import { harmless } from './harmless.js';
import { artifactMessages, expandMessages } from './messages.js';
import type { StoredResult, StorePort } from './ports.js';
import type { Unit } from './prepare.js';

export interface Restore {
  ops: RestoreOp[];
  /** The output that each op makes; undefined for dep-info, whose content is made here. */
  made: (Output | undefined)[];
  stdout: string;
  stderr: string;
  bytes: number;
}

/** rmeta and dep-info first, what cargo waits for last. */
const ORDER = ['dep-info', 'dwo', 'dwp', 'rmeta', 'staticlib', 'rlib'];

/**
 * What the launcher has to do to put a result in place. Rust libraries may be hard links; everything
 * that some tool writes into in place (`strip`, `ar`) is a copy. Cargo compares the newest listed output of a
 * unit, so one that is not the `.d` must be new: a unit of nothing but libraries is copied.
 * Modes are those that a compiler asks for; the caller's umask takes its part.
 *
 * @returns undefined when a blob is gone or does not fit this call
 */
export function planRestore(
  stored: StoredResult,
  unit: Unit,
  store: StorePort,
): Restore | undefined {
  const { result } = stored;
  const linkable = (role: string) => role === 'rlib';
  const others = result.outputs.some(
    (output) => !linkable(output.role) && output.role !== 'dep-info',
  );
  const restore: Restore = { ops: [], made: [], stdout: '', stderr: '', bytes: 0 };
  const inOrder = result.outputs.toSorted((a, b) => rank(a) - rank(b));
  for (const output of inOrder) {
    if (store.check(output.digest, output.size) === 'gone') return undefined;
    const to = targetOf(output, unit);
    if (to === undefined) return undefined;
    restore.bytes += output.size;
    if (output.role === 'dep-info') {
      const packed = store.readBlob(output.digest);
      if (packed === undefined) return undefined;
      const text = unpackDepFile(packed, unit.outputs, unit.roots, unit.env);
      if (text === undefined) return undefined;
      restore.ops.push({ op: 'write', text, to, mode: 0o666 });
      restore.made.push(undefined);
      continue;
    }
    const op = linkable(output.role) && others ? 'link' : 'copy';
    const mode = output.executable ? 0o777 : 0o666;
    const from = store.blobPath(output.digest);
    restore.ops.push({ op, from, to, mode, size: output.size });
    restore.made.push(output);
    const { front } = unit.outputs.find((planned) => planned.path === to) ?? {};
    if (front === undefined) continue;
    restore.ops.push({ op: 'front', to: front });
    restore.made.push(undefined);
  }
  const stdout = text(result.stdout, store);
  const stderr = text(result.stderr, store);
  if (stdout === undefined || stderr === undefined) return undefined;
  restore.stdout = harmless(expandMessages(stdout, unit.roots));
  const artifacts = artifactMessages(unit.plan, unit.outputs);
  restore.stderr = artifacts + harmless(expandMessages(stderr, unit.roots));
  return restore;
}

function rank(output: Output): number {
  const index = ORDER.indexOf(output.role.split(':')[0]!);
  return index < 0 ? ORDER.length : index;
}

function targetOf(output: Output, unit: Unit): string | undefined {
  if (output.role.startsWith('dwo:')) {
    const { outDir, crateName, extraFilename } = unit.plan;
    return join(outDir, `${crateName}${extraFilename}${output.role.slice('dwo:'.length)}`);
  }
  return unit.outputs.find((planned) => planned.role === output.role)?.path;
}

function text(blob: { digest: Output['digest']; size: number }, store: StorePort) {
  if (blob.size === 0) return '';
  if (store.check(blob.digest, blob.size) === 'gone') return undefined;
  return store.readBlob(blob.digest)?.toString('utf8');
}

/** Every blob that a result needs, once each. */
export function blobsOf(
  result: StoredResult['result'],
): { digest: Output['digest']; size: number }[] {
  const blobs = new Map(
    [...result.outputs, result.stdout, result.stderr].map(({ digest, size }) => [
      digest,
      { digest, size },
    ]),
  );
  return [...blobs.values()];
}
