import type { Digest } from '../base/digest.js';
import type { OutputRole, Result } from '../base/result.js';
import { toBytes } from '../wire/bytes.js';
import { type Artifacts, masksOf } from './artifacts.js';
import { packDepFile } from './depFile.js';
import type { Found } from './lookup.js';
import { keepMessages } from './messages.js';
import type { PipelinePorts } from './ports.js';
import type { Unit } from './prepare.js';
import type { Ran } from './record.js';
import type { Secured } from './secure.js';

/** One thing that a compile made otherwise than the cache has it. */
export interface Differing {
  what: OutputRole | 'messages' | 'success';
  /** The stored bytes are not what their name says: the disk, or whoever wrote there. */
  damaged: boolean;
  cached: Digest | undefined;
  compiled: Digest | undefined;
  /** Where what the compiler made can be read now. */
  file: string | undefined;
}

/**
 * Whether a compile of this call would have to make what the result holds, bit by bit: one of
 * another incremental class need not.
 */
export function isComparable({ class: made }: Result, unit: Unit): boolean {
  const { incremental, plan } = unit;
  if (made === 'warm' || made !== freshClass(unit)) return false;
  // The names of an incremental compile's units have a random part, and split objects keep them.
  return incremental === undefined || plan.splitDebuginfo === 'off';
}

/** The cache has a success, and the compiler fails. */
export const FAILED = difference('success', undefined, undefined);

/** What the compiler just made, compared with what would have been restored. */
export async function differences(
  { stored: { result } }: Found,
  unit: Unit,
  ran: Ran,
  secured: Secured,
  identities: ReadonlyMap<OutputRole, Digest>,
  { disk, store, hasher }: PipelinePorts,
  artifacts: Artifacts,
): Promise<Differing[]> {
  const masks = masksOf(unit.closure.records.values(), unit.plan.extraFilename);
  const identify = (path: string) => {
    const bytes = disk.read(path);
    return bytes === undefined ? undefined : artifacts.identify(bytes, masks);
  };
  const differing: Differing[] = [];
  for (const { role, held } of secured.files) {
    const cached = result.outputs.find((output) => output.role === role);
    const made = await disk.digestAsync(held);
    const damaged = cached !== undefined && !(await store.isIntact(cached.digest));
    const alike = () => {
      if (cached === undefined || !isArchive(role)) return false;
      const known = cached.identity ?? identify(store.blobPath(cached.digest));
      return known !== undefined && known === (identities.get(role) ?? identify(held));
    };
    const same = made === cached?.digest || alike();
    if (damaged || !same) differing.push(difference(role, cached?.digest, made, held, damaged));
  }
  const depInfo = hasher.hash(packDepFile(secured.depInfo, unit.outputs, unit.roots));
  const cachedInfo = result.outputs.find(({ role }) => role === 'dep-info')?.digest;
  if (depInfo !== cachedInfo) differing.push(difference('dep-info', cachedInfo, depInfo));
  const messages = hasher.hash(toBytes(keepMessages(ran.stderr, unit.plan, unit.roots)));
  if (!ran.truncated && messages !== result.stderr.digest) {
    differing.push(difference('messages', result.stderr.digest, messages));
  }
  return differing;
}

/** Incremental compiles give members of archives names with a random part. */
function isArchive(role: OutputRole): boolean {
  return role === 'rlib' || role === 'rmeta' || role === 'staticlib';
}

function difference(
  what: Differing['what'],
  cached: Digest | undefined,
  compiled: Digest | undefined,
  file?: string,
  damaged = false,
): Differing {
  return { what, damaged, cached, compiled, file };
}

function freshClass(unit: Unit): Result['class'] {
  if (unit.incremental === undefined) return 'plain';
  return unit.incremental.warm ? 'warm' : 'incremental';
}
