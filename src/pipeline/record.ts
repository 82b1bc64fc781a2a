import type { Digest } from '../base/digest.js';
import { toVriftError } from '../base/errors.js';
import {
  type Manifest,
  type Output,
  type OutputRole,
  RESULT_SCHEMA,
  type Result,
  type ResultClass,
} from '../base/result.js';
import { resultDigestOf } from '../base/resultDigest.js';
import { manifestDigest, resultKeyOf } from '../keying/manifest.js';
import { pathsIn } from '../keying/scan.js';
import { toBytes } from '../wire/bytes.js';
import type { LauncherReport } from '../wire/launcher.js';
import { type Artifacts, masksOf } from './artifacts.js';
import { reportDifference } from './check.js';
import { packDepFile } from './depFile.js';
import { bindTo, rootAt } from './inputs.js';
import { judgeDependencies, judgeNamed } from './judge.js';
import type { Found } from './lookup.js';
import { keepMessages, messageFormat } from './messages.js';
import type { PipelinePorts } from './ports.js';
import { recordsOf, type Unit } from './prepare.js';
import { OFF_MESH } from './privacy.js';
import type { Secured, SecuredFile } from './secure.js';
import { isSameButLinks } from './stamps.js';
import { differences } from './verify.js';

export type Ran = Extract<LauncherReport, { kind: 'ran' }>;

/** Beyond this a compile's messages are not worth keeping. */
const MAX_MESSAGE_CHARS = 4 * 1024 * 1024;

export interface RecordOptions {
  /** Why what is made must not leave this machine; [] when it may. Adds what it finds. */
  local: string[];
  /** false: the outputs are only remembered as made by this node. */
  store: boolean;
  /** Called once dependents can be keyed: storing is no reason for them to wait. */
  remembered: () => void;
  /** Ends when no build is kept from the processor by what is done next. */
  lull: () => Promise<void>;
  /** The result that would have been restored: what is made is compared with it. */
  check: Found | undefined;
  /** Filled in: whether that was something else. */
  differed: boolean;
  /** Filled in: what the result is bound to. */
  bound: { root: string; path: string; because: string }[];
  /** Filled in: the result key, once it is known. */
  resultKey: Digest | undefined;
}

/**
 * After a compile: remembers the outputs, and stores them when everything that went in is known
 * for certain.
 *
 * @returns `stored`, or why not
 */
export async function record(
  unit: Unit,
  ran: Ran,
  secured: Secured,
  options: RecordOptions,
  ports: PipelinePorts,
  artifacts: Artifacts,
): Promise<string> {
  if (secured.secret !== undefined) {
    ports.recorder.localOnly('reads a secret variable', unit.plan.crateName);
    options.local.push(`reads a secret variable: ${secured.secret}`);
  }
  const localOnly = options.local.length > 0;
  const made = await remember(unit, secured.files, localOnly, ports, artifacts);
  options.remembered();
  unit.trace?.mark('digests');
  if (made === undefined) return 'output missing';
  const { identities, contents } = made;
  if (options.check !== undefined) {
    const reading = await secured.reading();
    if (reading.kind === 'unsure') {
      ports.recorder.checked('skipped');
      return reading.reason;
    }
    const found = options.check;
    const differing = await differences(found, unit, ran, secured, identities, ports, artifacts);
    ports.recorder.checked(differing.length === 0 ? 'same' : 'differs');
    if (differing.length === 0) return 'checked';
    options.differed = true;
    reportDifference(found, differing, unit, ran, ports);
  }
  if (!options.store) return 'not stored';
  // Sources may be edited again at once, so they are not read later than this.
  const read = secured.reading();
  read.catch(() => {});
  // Tools that patch programs may set their mtimes back: what they are is looked at before any can.
  const programs = new Map<OutputRole, Digest | undefined>();
  for (const { role, held } of secured.files) {
    if (role === 'bin') programs.set(role, await ports.disk.digestAsync(held));
  }
  // An edit that nobody else can use yet, or what no compiler waits for: the next one goes first.
  if (localOnly || isLast(unit, secured.files)) {
    await options.lull();
    unit.trace?.mark('lull');
  }
  const reading = await read;
  unit.trace?.mark('inputs');
  if (reading.kind === 'unsure') return reading.reason;

  // It may have been compiled against metadata of a crate of which nothing else was known yet.
  const late = localOnly ? undefined : await artifacts.staying(unit.closure.records.keys());
  if (late !== undefined) {
    ports.recorder.localOnly('local-only dependency', unit.plan.crateName);
    options.local.push(`local-only dependency: ${late}`);
    await remember(unit, secured.files, true, ports, artifacts);
  }
  const stderr = keepMessages(ran.stderr, unit.plan, unit.roots);
  const stdout = unit.roots.mapText(ran.stdout);
  if (ran.truncated || stderr.length + stdout.length > MAX_MESSAGE_CHARS) {
    return 'too many messages';
  }
  const found = new Set<string>();
  const because = new Map(reading.because);
  for (const { role, held } of secured.files) {
    const content = contents.get(role);
    const prefixes = scanned(unit);
    const inside =
      content === undefined ? await ports.disk.scan(held, prefixes) : pathsIn(content, prefixes);
    for (const prefix of inside) {
      found.add(prefix);
      const root = rootAt(prefix, unit);
      if (!because.has(root)) because.set(root, `stands in the ${role}`);
    }
  }
  unit.trace?.mark('paths in outputs');
  const manifest = bindTo(reading.manifest, found, unit, ports.hasher);
  for (const [root] of manifest.bound) {
    const path = unit.roots.expand(root) ?? root;
    options.bound.push({ root, path, because: because.get(root) ?? '' });
  }
  const digest = manifestDigest(manifest, ports.hasher);
  const resultKey = resultKeyOf(unit.key, digest, ports.hasher);
  const toolchain = unit.toolchain.id;
  options.resultKey = resultKey;
  const own = { attestations: [], origin: 'own' as const };
  const judged = { ...own, result: { resultKey, toolchain } };
  const isRecalled = () => ports.trust.keeping(judged) !== undefined;
  if (isRecalled()) return 'recalled';
  try {
    const outputs: Output[] = [];
    for (const file of secured.files) {
      const { role, executable, held } = file;
      const link = role === 'rlib';
      const put = await ports.store.putFile(held, { link });
      const isOther = put?.digest !== (programs.get(role) ?? put?.digest);
      if (put === undefined || isOther || !isAsMade(file, unit, ports)) {
        return 'output changed meanwhile';
      }
      const identity = identities.get(role);
      outputs.push({ role, executable, ...put, ...(identity === undefined ? {} : { identity }) });
    }
    const depFile = packDepFile(secured.depInfo, unit.outputs, unit.roots);
    const dep = await ports.store.putBytes(depFile);
    outputs.push({ role: 'dep-info', executable: false, ...dep });
    rememberOrigin(unit, manifest, outputs, ports);
    const result: Result = {
      schema: RESULT_SCHEMA,
      unitKey: unit.key,
      resultKey,
      manifest: digest,
      toolchain,
      target: unit.plan.target ?? unit.toolchain.host,
      crateName: unit.plan.crateName,
      class: classOf(unit),
      messages: stderr === '' ? 'silent' : messageFormat(unit.plan, unit.roots, ports.hasher),
      compileMs: Math.round(ran.ms),
      outputs,
      stdout: await ports.store.putBytes(toBytes(stdout)),
      stderr: await ports.store.putBytes(toBytes(stderr)),
    };
    const known = unit.offMesh;
    judgeNamed(unit, manifest, [stdout, stderr], ports);
    await judgeDependencies(unit, ports, artifacts);
    const isPrivate = unit.offMesh !== undefined;
    if (isPrivate && known === undefined) {
      ports.recorder.localOnly(OFF_MESH, unit.plan.crateName);
    }
    if (known === undefined) artifacts.mark(pathsMade(unit), isPrivate);
    const stay = stayOf(isPrivate, options.local);
    notePrivateProgram(unit, outputs, isPrivate, ports);
    // It may have been recalled while its blobs were written.
    if (isRecalled()) return 'recalled';
    if (!stay.localOnly) ports.published(result.crateName);
    ports.store.putResult({
      result,
      manifest,
      resultDigest: resultDigestOf(result, ports.hasher),
      ...own,
      ...stay,
    });
    ports.conflicts.saw(ports.store.resultsOf(resultKey));
    ports.recorder.stored(outputs.reduce((sum, output) => sum + output.size, 0));
    return 'stored';
  } catch (error) {
    const failure = toVriftError(error);
    ports.recorder.error(failure.code, failure.message);
    return failure.code;
  }
}

/**
 * A build script's program that holds paths is another file in every home. What it does is the
 * same: its runs are known by what it was made from.
 */
function rememberOrigin(
  unit: Unit,
  manifest: Manifest,
  outputs: readonly Output[],
  { origins, hasher }: PipelinePorts,
): void {
  if (manifest.bound.length === 0) return;
  if (!unit.outputs.some(({ front }) => front !== undefined)) return;
  const program = outputs.find(({ role }) => role === 'bin');
  if (program === undefined) return;
  const unbound = manifestDigest({ ...manifest, bound: [] }, hasher);
  origins.put(program.digest, resultKeyOf(unit.key, unbound, hasher));
}

export function pathsMade({ outputs }: Pick<Unit, 'outputs'>): string[] {
  return outputs.map(({ path }) => path);
}

/** Where a result may go. What names a private crate is private itself. */
function stayOf(
  isPrivate: boolean,
  local: readonly string[],
): { localOnly: boolean; withheld?: true } {
  if (local.length > 0) return { localOnly: true };
  return isPrivate ? { localOnly: true, withheld: true } : { localOnly: false };
}

/** Runs of a build script are as private as its program. */
export function notePrivateProgram(
  unit: Unit,
  outputs: readonly Output[],
  isPrivate: boolean,
  { privatePrograms }: PipelinePorts,
): void {
  if (!unit.outputs.some(({ front }) => front !== undefined)) return;
  const program = outputs.find(({ role }) => role === 'bin')?.digest;
  if (program === undefined) return;
  if (privatePrograms.get(program) !== isPrivate) privatePrograms.put(program, isPrivate);
}

/** Whether it is a program that is for people: no compiler reads it, and cargo runs none. */
function isLast({ outputs }: Unit, files: readonly SecuredFile[]): boolean {
  if (outputs.some(({ front }) => front !== undefined)) return false;
  return files.every(({ role }) => role === 'bin' || role.startsWith('dwo:'));
}

interface Made {
  identities: Map<OutputRole, Digest>;
  contents: Map<OutputRole, Buffer>;
}

/** What is larger is read again, in pieces, when it is searched for paths. */
const MAX_HELD_BYTES = 4 << 20;

/**
 * Writes down which files this node made, for the keys of whoever is compiled against them.
 *
 * @returns what dependents can see of rlib and rmeta, and their bytes unless they are large;
 *   undefined when a file is gone
 */
async function remember(
  unit: Unit,
  files: readonly SecuredFile[],
  localOnly: boolean,
  ports: PipelinePorts,
  artifacts: Artifacts,
): Promise<Made | undefined> {
  const identities = new Map<OutputRole, Digest>();
  const contents = new Map<OutputRole, Buffer>();
  const masks = masksOf(unit.closure.records.values(), unit.plan.extraFilename);
  const made = recordsOf(unit, localOnly);
  for (const file of files) {
    const entry = made.get(file.path);
    // Nothing is compiled against a program: what it is tells the store, in its own time.
    if (entry === undefined || file.role === 'bin') continue;
    const isLibrary = file.role === 'rlib' || file.role === 'rmeta';
    const bytes = isLibrary ? readMade(file, unit, ports) : undefined;
    const digest = isLibrary ? bytes?.digest : await ports.disk.digestAsync(file.held);
    if (digest === undefined) return undefined;
    if (bytes !== undefined) {
      identities.set(file.role, artifacts.identify(bytes.content, masks));
      if (bytes.content.length <= MAX_HELD_BYTES) contents.set(file.role, bytes.content);
    }
    // As the last one was, until this one is judged: it is compiled against meanwhile.
    const asBefore = unit.exclude.length > 0 && artifacts.isMarked(file.path);
    const offMesh = asBefore && { offMesh: true as const };
    artifacts.put(file.path, { ...entry, digest, identity: identities.get(file.role), ...offMesh });
  }
  return { identities, contents };
}

/** Reads a library once, for digest and identity: whoever links it waits for both. */
function readMade(file: SecuredFile, unit: Unit, ports: PipelinePorts) {
  const { path, held } = file;
  const { disk, hasher, clock } = ports;
  const startedMs = clock.now();
  const links = disk.links(held);
  const before = disk.stamp(held);
  const content = disk.read(held);
  if (before === undefined || content === undefined) return undefined;
  const made = { content, digest: hasher.hash(content) };
  disk.recordRead(path, before, startedMs, made);
  // Too young for times to tell, but nobody but the compiler had it: what is compiled against it
  // comes at once, and would have it hashed time and again. Cargo gives it another name just now.
  if (isAsMade(file, unit, ports) && isSameButLinks(before, disk.stamp(held))) {
    disk.recordFile(path, before, made.digest, links);
  }
  return made;
}

/**
 * Whether a file is still what the launcher saw when the compiler ended: `strip` may rewrite a
 * program as soon as cargo is done. After a check, cargo itself sets the times of all outputs.
 */
function isAsMade({ made, held }: SecuredFile, unit: Unit, { disk }: PipelinePorts): boolean {
  if (typeof made !== 'string') return true;
  const now = disk.stamp(held)?.split(':');
  const [dev, ino, size, mtime] = made.split(':');
  const sameFile = now?.[0] === dev && now?.[1] === ino && now?.[2] === size;
  return sameFile && (now?.[3] === mtime || unit.plan.emit.link === undefined);
}

function classOf(unit: Unit): ResultClass {
  if (unit.incremental === undefined) return 'plain';
  return unit.incremental.warm ? 'warm' : 'incremental';
}

/** A home directory alone is too short a path to look for; with its slash it is not. */
function scanned(unit: Unit): string[] {
  return unit.roots.spellings().map(({ name, real }) => (name === '/vr/home' ? `${real}/` : real));
}
