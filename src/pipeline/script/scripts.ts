import { basename } from 'node:path';
import type { Digest } from '../../base/digest.js';
import { toVriftError } from '../../base/errors.js';
import { fits } from '../../keying/patterns.js';
import type { ScriptInfo } from '../../wire/control.js';
import type { ScriptFrame } from '../../wire/launcher.js';
import { parseDistinct, type Sighting } from '../../wire/observed.js';
import type { Ahead } from '../ahead.js';
import { patienceMs, type Wishes, wishesIn } from '../caller.js';
import { Flights } from '../flights.js';
import { harmless, harmlessOrders } from '../harmless.js';
import { printedBy } from '../judge.js';
import type { Found } from '../lookup.js';
import type { Channel, PipelinePorts, ProjectRules, ScriptOutcome } from '../ports.js';
import {
  isNamedIn,
  mayRelease,
  NAMED,
  type OffMesh,
  offMeshProgram,
  offMeshRun,
} from '../privacy.js';
import { noteReplaced, noteTaken } from '../taken.js';
import type { Trace } from '../trace.js';
import { checkRun } from './check.js';
import { describeRun, type ScriptRan } from './describe.js';
import { prefixMaps } from './flags.js';
import { findScript } from './lookup.js';
import { prepareScript, type ScriptUnit } from './prepare.js';
import { isPrivateRun, recordRun } from './record.js';
import { turn } from './slices.js';
import { unpackTree } from './tree.js';

/** Runs of build scripts: replayed where all that one read is the same, else run and recorded. */
export class Scripts {
  readonly #ports: PipelinePorts;
  readonly #ahead: Ahead;
  readonly #programSettled: (path: string) => Promise<void>;
  readonly #flights = new Flights();
  /** Keys whose runs cannot be recorded, with why: watching them would be for nothing. */
  readonly #hopeless = new Map<string, string>();

  readonly #latest = new Map<string, ScriptInfo>();

  /** @param programSettled waits for a program that is being compiled */
  constructor(ports: PipelinePorts, ahead: Ahead, programSettled: (path: string) => Promise<void>) {
    this.#ports = ports;
    this.#programSettled = programSettled;
    this.#ahead = ahead;
  }

  /** The last runs since the start, latest first; of one package where that is named. */
  latest(name?: string): ScriptInfo[] {
    const all = [...this.#latest.values()].toReversed();
    return name === undefined ? all : all.filter((run) => run.package === name);
  }

  /** Answers one front. Never throws: whatever goes wrong, the script runs. */
  async call(frame: ScriptFrame, channel: Channel): Promise<void> {
    const trace = this.#ports.traces.begin(frame);
    try {
      await this.#answer(frame, channel, trace);
    } catch (error) {
      const failure = toVriftError(error);
      this.#ports.recorder.error(failure.code, failure.stack ?? failure.message);
      channel.send({ act: 'pass' });
    } finally {
      trace?.end();
    }
  }

  /** undefined when the run was not watched to its end. */
  async #sightings(log: string | undefined): Promise<Sighting[] | undefined> {
    const { disk } = this.#ports;
    if (log === undefined) return undefined;
    const bytes = disk.read(log);
    disk.remove(log);
    if (bytes === undefined || bytes.length === 0) return undefined;
    return parseDistinct(bytes, turn);
  }

  #note(outcome: ScriptOutcome, run = ''): void {
    this.#ports.recorder.script(outcome);
    const { name, ms } = outcome;
    const ran = outcome.kind === 'ran';
    if (this.#latest.size > 10_000) this.#latest.clear();
    const id = `${name} ${run}`;
    this.#latest.delete(id);
    this.#latest.set(id, {
      package: name,
      outcome: outcome.kind,
      from: ran ? '' : outcome.from,
      why: ran ? outcome.why : '',
      recorded: ran ? outcome.recorded : '',
      ms: Math.round(ms),
      at: this.#ports.clock.now(),
    });
  }

  async #answer(frame: ScriptFrame, channel: Channel, trace: Trace | undefined): Promise<void> {
    const { observer, rules, clock } = this.#ports;
    const started = clock.monotonic();
    const pass = (reason: string, { name, key }: Named = { name: 'unknown', key: '' }) => {
      this.#note({ kind: 'ran', name, why: '', recorded: reason, ms: 0 }, key);
      channel.send({ act: 'pass' });
    };
    if (observer === undefined) return pass('nobody watches');
    if (!this.#ports.buildScripts) return pass('switched off');
    await this.#programSettled(frame.program);
    const unit = await prepareScript(frame, this.#ports, trace);
    trace?.mark('key');
    if (typeof unit === 'string') return pass(unit);
    trace?.name(`${unit.name} build script`, 'ended');
    const allowed = rules(unit.outDir, unit.cwd, unit.packageDir);
    if (typeof allowed === 'string') return pass('project configuration', unit);
    if (!allowed.enabled) return pass('switched off', unit);
    if (allowed.runScripts?.some((pattern) => fits(unit.name, pattern))) {
      return pass('switched off', unit);
    }
    unit.exclude = allowed.exclude ?? [];
    unit.offMesh = this.#offMesh(unit, allowed);
    if (unit.offMesh !== undefined) {
      this.#ports.store.withhold(unit.key);
      this.#ports.secluded(unit.offMesh.spreads ? unit.name : undefined, unit.exclude);
    }
    const wishes = wishesIn(unit.env);
    const hopeless = this.#hopeless.get(unit.key);
    if (hopeless !== undefined) return this.#run(unit, channel, { hopeless });
    const usualMs = this.#ports.timings.get(timingKey(unit));
    using _flight = await this.#flights.take(unit.key, patienceMs(usualMs));
    const run = { library: observer, mayStore: !wishes.readonly };
    if (wishes.recache) return this.#run(unit, channel, { ...run, why: 'VRIFT_RECACHE' });
    const found = await findScript(unit, this.#ports, this.#ahead, usualMs);
    trace?.mark('look-up');
    if (typeof found === 'string') return this.#run(unit, channel, { ...run, why: found });
    if (this.#isToCheck(wishes, allowed)) {
      return this.#run(unit, channel, { ...run, why: 'self-check', check: found });
    }
    const why = await this.#replay(unit, found, channel, started);
    if (why !== undefined) await this.#run(unit, channel, { ...run, why });
  }

  /** Whether the run is private: its project, its package, or something in its program. */
  #offMesh(unit: ScriptUnit, rules: ProjectRules): OffMesh | undefined {
    const own = offMeshRun(unit.name, rules, isFetched(unit));
    if (own !== undefined) return own;
    return offMeshProgram(unit, this.#ports.privatePrograms.get(unit.made));
  }

  /** Whether a script runs that could be replayed. */
  #isToCheck({ verifyScripts }: Wishes, rules: ProjectRules): boolean {
    const { random } = this.#ports;
    const checkRate = rules.checkRate ?? this.#ports.checkRate;
    return verifyScripts || (checkRate > 0 && random() < checkRate);
  }

  /** @returns why the script has to run; undefined when it was put in place */
  async #replay(
    unit: ScriptUnit,
    found: Found,
    channel: Channel,
    started: number,
  ): Promise<string | undefined> {
    const { store, recorder, clock } = this.#ports;
    const { result, resultDigest } = found.stored;
    using _pins = store.pin(result.outputs.map(({ digest }) => digest));
    const tree = result.outputs[0]!;
    const bytes = store.readBlob(tree.digest);
    const printed = printedBy(result, store);
    if (bytes === undefined || printed === undefined) return 'damaged';
    const [stdout = '', stderr = ''] = printed;
    const from = {
      bytes,
      path: store.blobPath(tree.digest),
      pathOf: (digest: Digest, size: number) =>
        result.outputs.some((output) => output.digest === digest && output.size === size)
          ? store.blobPath(digest)
          : undefined,
    };
    const ops = unpackTree(from, unit.outDir, unit.roots);
    if (ops === undefined) return 'damaged';
    unit.trace?.mark('plan');
    if (isNamedIn(found.stored.manifest, printed, unit.exclude)) this.#foundPrivate(unit);
    channel.send({
      act: 'hit',
      ops,
      stdout: harmlessOrders(unit.expandText(stdout)),
      stderr: harmless(unit.expandText(stderr)),
    });
    const report = await channel.next();
    if (report?.kind === 'done') {
      const steps = ops.map(({ op, to }) => `${op} ${basename(to)}`);
      unit.trace?.launcher([...steps, 'messages'], report.at);
      unit.trace?.name(undefined, `replayed ${found.from}`);
      unit.trace?.letGo();
    }
    if (report?.kind === 'failed') {
      recorder.error('VRIFT_RESTORE_FAILED', `build script of ${unit.name}: ${report.error}`);
      return 'restore failed';
    }
    const asked = found.stored.manifest.env.map(([name]) => unit.env.secretIn(name));
    this.#noteSecret(
      unit,
      asked.find((name) => name !== undefined),
    );
    if (report === undefined) return undefined;
    if (found.stored.withheld && mayRelease(unit)) store.release(result.resultKey, resultDigest);
    store.touch(result.resultKey, resultDigest);
    noteTaken(found.stored, this.#ports, unit.name, [{ path: unit.outDir, digest: null }]);
    const ms = clock.monotonic() - started;
    const savedMs = Math.max(0, result.compileMs - ms);
    const { name, key } = unit;
    const how = { from: found.from, ms, savedMs, bytes: found.received };
    this.#note({ kind: 'replayed', name, ...how }, key);
    unit.trace?.mark('books');
    return undefined;
  }

  async #run(
    unit: ScriptUnit,
    channel: Channel,
    { library, mayStore = false, why = '', hopeless, check }: RunOptions,
  ): Promise<void> {
    const { store, disk, recorder, tools, timings } = this.#ports;
    using _pins = store.pin(check?.stored.result.outputs.map(({ digest }) => digest) ?? []);
    const log = store.tmpPath();
    const isThere = library !== undefined && disk.exists(library);
    const watched = isThere && disk.make(log) ? { library, log } : undefined;
    const wasEmpty = (disk.list(unit.outDir) ?? []).length === 0;
    // What the script has compiled must not come from the cache: nobody would see what it read.
    const disabled = watched === undefined ? [] : ['VRIFT_DISABLE=1'];
    const env = [...disabled, ...prefixMaps(unit, await tools.prefixMaps(unit.cwd, unit.env))];
    unit.trace?.mark('before');
    channel.send({
      act: 'run',
      argv: [...unit.argv],
      unmap: [],
      stat: [],
      mkdirs: [],
      ackMs: mayStore || check !== undefined ? SAFE_MS : 0,
      env,
      ...(watched === undefined ? {} : { observe: watched }),
    });
    const report = await channel.next();
    const sightings = await this.#sightings(watched?.log);
    // Of what cannot be described nobody knows whether it held an excluded name.
    this.#noteSecret(unit, secretAsked(unit, sightings), unit.exclude.length > 0);
    if (report?.kind !== 'ran') return;
    unit.trace?.launcher(['script', 'stat outputs'], report.at);
    noteReplaced(unit.outDir, this.#ports);
    if (report.code === 0) timings.put(timingKey(unit), report.ms);
    const ran: ScriptRan = { ...report, sightings, wasEmpty };
    let recorded = hopeless ?? 'not stored';
    try {
      if (mayStore || check !== undefined) {
        recorded = await this.#keep(unit, ran, { mayStore, check });
      }
    } catch (error) {
      const failure = toVriftError(error);
      recorder.error(failure.code, failure.stack ?? failure.message);
      recorded = failure.code;
    }
    channel.send({ act: 'kept' });
    unit.trace?.mark('keep');
    unit.trace?.name(undefined, `ran, ${recorded}`);
    if (HOPELESS.test(recorded)) {
      if (this.#hopeless.size > 10_000) this.#hopeless.clear();
      this.#hopeless.set(unit.key, recorded);
    }
    this.#note({ kind: 'ran', name: unit.name, why, recorded, ms: report.ms }, unit.key);
  }

  /** It reads or prints an excluded name: what is stored of it goes out no more. */
  #foundPrivate(unit: ScriptUnit): void {
    unit.offMesh ??= { about: NAMED, spreads: true };
    this.#ports.store.withhold(unit.key);
  }

  /** What a script wrote may hold what it read, and so may the crate that includes it. */
  #noteSecret({ outDir, offMesh: off }: ScriptUnit, secret = '', isNamed = false): void {
    const { keptDirs } = this.#ports;
    const known = keptDirs.get(outDir);
    const isPrivate = off !== undefined || isNamed;
    if (known?.secret === secret && known.offMesh === isPrivate) return;
    keptDirs.put(outDir, { secret, offMesh: isPrivate });
  }

  /** @returns `stored` or `checked`, or why neither */
  async #keep(
    unit: ScriptUnit,
    ran: ScriptRan,
    { mayStore, check }: { mayStore: boolean; check: Found | undefined },
  ): Promise<string> {
    const now = await describeRun(unit, ran, this.#ports);
    if (typeof now !== 'string') {
      const secret = now.secret ?? this.#ports.keptDirs.get(unit.outDir)?.secret;
      if (isPrivateRun(unit, now)) this.#foundPrivate(unit);
      this.#noteSecret(unit, secret);
    }
    if (typeof now === 'string') {
      if (check !== undefined) this.#ports.recorder.checked('skipped', 'script');
      return now;
    }
    if (check !== undefined) {
      const ending = await checkRun(check, unit, ran, now, this.#ports);
      if (ending !== 'damaged') return ending === 'alike' ? 'checked' : DIFFERS;
    }
    if (!mayStore) return 'not stored';
    return recordRun(unit, ran, now, this.#ports);
  }
}

function secretAsked(
  { env }: ScriptUnit,
  sightings: readonly Sighting[] | undefined,
): string | undefined {
  return sightings?.find(({ kind, text }) => kind === 'e' && env.secretIn(text) !== undefined)
    ?.text;
}

function timingKey({ name }: ScriptUnit): string {
  return `${name} build script`;
}

function isFetched({ packageDir, roots }: ScriptUnit): boolean {
  return roots.map(packageDir).startsWith('/vr/cargo/');
}

type Named = { name: string; key: string };

interface RunOptions {
  /** What would have been put in place: the run is compared with it. */
  check?: Found;
  /** The observer; left out where watching is for nothing. */
  library?: string;
  mayStore?: boolean;
  /** It was not replayed. */
  why?: string;
  /** Why it cannot be recorded, as an earlier run showed. */
  hopeless?: string;
}

/** What of a run is packed must be packed before cargo goes on to write beside it. */
const SAFE_MS = 2_000;

const DIFFERS = 'differs from its last run';

/** Reasons that hold for the next run as well. */
const HOPELESS =
  /^(network|reads the clock|writes outside|not observed|rerun-if-changed inside|too |OUT_DIR holds too |differs )/;
