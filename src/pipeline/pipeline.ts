import { basename } from 'node:path';
import { toVriftError } from '../base/errors.js';
import { parseRustc } from '../compilers/rustc/parse.js';
import { firstDifference } from '../keying/manifest.js';
import { withoutSlash } from '../keying/roots.js';
import { hasRawBytes } from '../wire/bytes.js';
import { ACK_MS, type CallFrame } from '../wire/launcher.js';
import { Ahead } from './ahead.js';
import { Artifacts } from './artifacts.js';
import {
  crateNameIn,
  environmentOf,
  patienceMs,
  timingKey,
  type Wishes,
  wishesIn,
} from './caller.js';
import { reportDifference } from './check.js';
import { excludedBy } from './excluded.js';
import { Flights } from './flights.js';
import { History, type Noted } from './history.js';
import { type Fresh, snapshotFresh } from './inputs.js';
import { judgeNamed, printedBy } from './judge.js';
import { type Found, findLocal, findRemote, type Miss, type RemoteMiss } from './lookup.js';
import { Lull } from './lull.js';
import { unmappings } from './messages.js';
import { removeNamesakes } from './namesakes.js';
import { type Narrowed, onlyDependencies } from './onlyDependencies.js';
import type { Channel, PipelinePorts, ProjectRules } from './ports.js';
import { prepare, type Refusal, recordsOf, type Unit } from './prepare.js';
import { mayRelease, OFF_MESH, offMesh, offMeshDir } from './privacy.js';
import { answerProbe } from './probes.js';
import { notePrivateProgram, pathsMade, type Ran, type RecordOptions, record } from './record.js';
import { blobsOf, planRestore } from './restore.js';
import { frontOf } from './script/front.js';
import { Programs } from './script/programs.js';
import { type Seen, secure } from './secure.js';
import { reasonsToStay } from './staysLocal.js';
import { fetchBudget } from './take.js';
import { noteReplaced, noteTaken } from './taken.js';
import type { Trace } from './trace.js';
import { typeIn, typeOf } from './unitName.js';
import { foresee } from './unseen.js';
import { FAILED, isComparable } from './verify.js';
import { takeSightings, watch } from './watch.js';

/** One compiler call after the other, from argv to outcome. */
export class Pipeline {
  readonly #ports: PipelinePorts;
  readonly #artifacts: Artifacts;
  readonly #lull = new Lull();
  readonly #flights = new Flights();
  readonly #history: History;
  readonly #ahead: Ahead;
  readonly #programs: Programs;
  /** Compilers that compiled something since the start. */
  readonly #met = new Set<string>();

  constructor(ports: PipelinePorts, ahead = new Ahead(ports)) {
    this.#ports = ports;
    this.#ahead = ahead;
    this.#programs = new Programs(ports.disk);
    this.#artifacts = new Artifacts(ports.artifacts, ports.disk, ports.hasher);
    this.#history = new History(
      ports.history,
      ports.hasher,
      () => ports.clock.now(),
      ports.observer !== undefined,
    );
  }

  /** The last outcomes, for whoever asks why. */
  get history(): History {
    return this.#history;
  }

  /** Results that wait for a lull of the build are wanted now. */
  hurry(): void {
    this.#lull.hurry();
  }

  /** Waits until a build script's program is stored, if it is being compiled. */
  programSettled(path: string): Promise<void> {
    return this.#programs.settled(path);
  }

  /** Answers one launcher. Never throws: whatever goes wrong, the compiler runs. */
  async call(frame: CallFrame, channel: Channel): Promise<void> {
    using waits = this.#lull.begin();
    const trace = this.#ports.traces.begin(frame);
    try {
      await this.#answer(frame, channel, waits, trace);
    } catch (error) {
      const failure = toVriftError(error);
      this.#ports.recorder.error(failure.code, failure.stack ?? failure.message);
      channel.send({ act: 'pass' });
    } finally {
      trace?.end();
    }
  }

  async #answer(
    frame: CallFrame,
    channel: Channel,
    waits: Disposable,
    trace: Trace | undefined,
  ): Promise<void> {
    const started = this.#ports.clock.monotonic();
    const pass = ({ reason, detail }: Refusal, unit: string, type = typeIn(frame.argv)) => {
      this.#history.refused(unit, type, reason, detail);
      this.#ports.recorder.outcome({ kind: 'bypass', unit, reason, detail });
      channel.send({ act: 'pass' });
      trace?.name(unit, `bypass: ${reason}`);
      trace?.mark('answer');
    };
    if (hasRawBytes(frame.cwd) || frame.argv.some(hasRawBytes)) {
      return pass({ reason: 'raw bytes in arguments', detail: '' }, 'unknown');
    }
    const parsed = parseRustc(frame.argv, frame.cwd);
    if (parsed.kind === 'probe') {
      trace?.name('probe', 'probe');
      this.#ports.recorder.outcome({ kind: 'probe' });
      return answerProbe(frame, channel, this.#ports, (compiler, cwd) =>
        this.#met.has(this.#compilerAt(compiler, cwd)),
      );
    }
    if (parsed.kind === 'bypass') return pass(parsed, crateNameIn(frame.argv));
    const { plan } = parsed;
    trace?.name(`${plan.crateName} ${typeOf(plan)}`, 'ended');
    const env = environmentOf(frame.env);
    if (typeof env === 'string') {
      return pass({ reason: 'variable set twice', detail: env }, plan.crateName, typeOf(plan));
    }
    const rules = this.#ports.rules(plan.outDir, frame.cwd, env.get('CARGO_MANIFEST_DIR'));
    if (typeof rules === 'string') {
      return pass({ reason: 'project configuration', detail: rules }, plan.crateName, typeOf(plan));
    }
    if (!rules.enabled) {
      return pass({ reason: 'switched off', detail: '' }, plan.crateName, typeOf(plan));
    }

    const facts = { plan, cwd: frame.cwd, env, umask: frame.umask, trace };
    trace?.mark('arguments');
    const unit = await prepare(facts, this.#ports, this.#artifacts);
    if ('reason' in unit) return pass(unit, plan.crateName, typeOf(plan));
    trace?.mark('key');
    this.#met.add(this.#compilerAt(plan.compiler, frame.cwd));
    this.#seclude(unit, rules);

    const excluded = excludedBy(rules, unit, this.#ports.tools.targetDir(plan.outDir, env));
    if (excluded !== undefined) {
      const { reason, detail } = excluded;
      this.#history.refused(plan.crateName, typeOf(plan), reason, detail);
      this.#ports.recorder.outcome({ kind: 'bypass', unit: plan.crateName, reason, detail });
      await this.#run(unit, channel, { store: false, noted: undefined }, waits);
      return;
    }
    const wishes = wishesIn(env);
    const usualMs = this.#ports.timings.get(timingKey(plan));
    using flight = await this.#flights.take(unit.key, patienceMs(usualMs));
    const { wanted } = flight;
    const store = !wishes.readonly;
    let noted: Noted = { diff: [RECACHE] };
    if (!wishes.recache) {
      const expectedMs = usualMs ?? 1_000;
      let local = this.#findHere(unit);
      const leftFor = fetchBudget(this.#ports.clock, expectedMs);
      const ahead = 'stored' in local ? 'none' : await this.#ahead.arrival(unit.key, leftFor);
      if (ahead === 'ended') local = this.#findHere(unit);
      const isHere = 'stored' in local || ahead === 'late';
      trace?.mark('look-up');
      // What a peer used next is asked for unseen: something private could be among it.
      const mayFollow = unit.exclude.length === 0;
      const follow = (node: string | undefined) => {
        if (mayFollow) this.#ahead.follow(node, unit.key);
      };
      const found = isHere
        ? local
        : await findRemote(unit, expectedMs, this.#ports, follow, leftFor);
      if (!isHere) trace?.mark('peers');
      if ('stored' in found) {
        this.#judge(unit, found);
        if (this.#isToCheck(unit, found, wishes, rules)) {
          const checks = { store, noted: { diff: [CHECK] }, check: found, wanted };
          return this.#run(unit, channel, checks, waits);
        }
        if (await this.#restore(unit, found, channel, started)) return;
        noted = { diff: [RESTORE] };
      } else {
        const here = 'stored' in local ? undefined : local;
        noted = this.#explain(unit, here, found);
      }
    }
    await this.#run(unit, channel, { store, noted, wanted }, waits);
  }

  #explain(unit: Unit, here: Miss | undefined, found: RemoteMiss): Noted {
    const refused = found.refused ?? here?.refused;
    if (refused === undefined) return this.#history.explain(unit, here?.difference, found);
    this.#ports.recorder.refused(refused.reason, unit.plan.crateName);
    const against = found.refused === undefined ? null : (found.holder ?? null);
    return { diff: [refused.change], against };
  }

  /** rustup's proxy stands for another compiler in each directory. */
  #compilerAt(compiler: string, cwd: string): string {
    const real = this.#ports.disk.realpath(compiler);
    const isOne = compiler.startsWith('/') && !real.endsWith('/rustup');
    return isOne ? real : `${compiler}\0${cwd}`;
  }

  /** From the moment of its key peers hear nothing of a private unit, stored before or not. */
  #seclude(unit: Unit, rules: ProjectRules): void {
    unit.exclude = rules.exclude ?? [];
    const outDir = withoutSlash(unit.env.get('OUT_DIR') ?? '');
    const generated =
      outDir === '' ? undefined : offMeshDir(unit, this.#ports.keptDirs.get(outDir));
    const own = offMesh(unit, rules);
    unit.offMesh = own ?? generated;
    if (unit.offMesh === undefined) return;
    this.#ports.store.withhold(unit.key);
    this.#ports.secluded(own?.spreads ? unit.plan.crateName : undefined, unit.exclude);
  }

  #findHere(unit: Unit): ReturnType<typeof findLocal> {
    this.#ahead.called(unit.key);
    const found = findLocal(unit, this.#ports);
    return 'stored' in found ? this.#ahead.credit(found) : found;
  }

  /** Whether a hit is to be compiled all the same. */
  #isToCheck(unit: Unit, { stored }: Found, wishes: Wishes, rules: ProjectRules): boolean {
    const { random, recorder } = this.#ports;
    const checkRate = rules.checkRate ?? this.#ports.checkRate;
    if (!wishes.verify && (checkRate === 0 || random() >= checkRate)) return false;
    const comparable = isComparable(stored.result, unit);
    if (!comparable) recorder.checked('skipped');
    return comparable;
  }

  /** A result from before a name was excluded may read or print that name. */
  #judge(unit: Unit, { stored: { manifest, result } }: Found): void {
    if (unit.exclude.length === 0) return;
    // Messages that are gone cannot be put in place either.
    const printed = printedBy(result, this.#ports.store) ?? [];
    judgeNamed(unit, manifest, printed, this.#ports);
  }

  /** @returns false when the launcher could not put the result in place: the compiler must run. */
  async #restore(unit: Unit, found: Found, channel: Channel, started: number): Promise<boolean> {
    const { store, disk, recorder, clock } = this.#ports;
    const { result, resultDigest, withheld } = found.stored;
    const localOnly = found.stored.localOnly && withheld === undefined;
    using _pins = store.pin(result.outputs.map((output) => output.digest));
    const restore = planRestore(found.stored, unit, store);
    if (restore === undefined) return false;
    const isReleased = withheld === true && mayRelease(unit);
    if (isReleased) {
      store.release(result.resultKey, resultDigest);
      this.#ports.published(result.crateName);
    }
    const isPrivate = unit.offMesh !== undefined || (withheld === true && !isReleased);
    notePrivateProgram(unit, result.outputs, isPrivate, this.#ports);
    const outputs = new Map(restore.ops.map((op, index) => [op.to, restore.made[index]]));
    for (const [path, entry] of recordsOf(unit, localOnly)) {
      const output = outputs.get(path);
      if (output === undefined) continue;
      const { digest, identity } = output;
      this.#artifacts.put(path, { ...entry, digest, identity });
    }
    const { ops, stdout, stderr } = restore;
    unit.trace?.mark('plan');
    const ms = clock.monotonic() - started;
    channel.send({ act: 'hit', ops, stdout, stderr });
    const report = await channel.next();
    if (report?.kind === 'done') {
      const steps = ops.map(({ op, to }) => `${op} ${basename(to)}`);
      unit.trace?.launcher([...steps, 'messages'], report.at);
      unit.trace?.letGo();
    }
    if (report?.kind === 'failed') {
      recorder.error('VRIFT_RESTORE_FAILED', `${unit.plan.crateName}: ${report.error}`);
      return false;
    }
    if (report === undefined) return true;
    if (report.kind === 'done') {
      report.made.forEach((stat, index) => {
        const op = ops[index];
        const output = restore.made[index];
        if (stat !== null && op !== undefined && output !== undefined) {
          disk.recordFile(op.to, stat, output.digest, op.op === 'copy' ? 1 : undefined);
        }
      });
    }
    store.touch(result.resultKey, resultDigest);
    const files = ops.flatMap(({ to: path }, index) => {
      const digest = restore.made[index]?.digest;
      return digest === undefined ? [] : [{ path, digest }];
    });
    noteTaken(found.stored, this.#ports, unit.plan.crateName, files);
    const { resultKey } = result;
    this.#history.note(unit, 'hit', found.peer ?? found.from, { resultKey });
    recorder.outcome({
      kind: 'hit',
      unit: unit.plan.crateName,
      key: unit.key,
      from: found.from,
      peer: found.peer,
      bytes: found.from === 'peer' ? found.received : restore.bytes,
      ms,
      savedMs: Math.max(0, result.compileMs - ms),
    });
    unit.trace?.name(undefined, `hit ${found.from}`);
    unit.trace?.mark('books');
    return true;
  }

  /**
   * @param options.noted why it is no hit; undefined when the call was counted already
   * @param options.wanted resolves when another call waits for what is made
   * @param options.check what would have been restored: the compiler's own outputs stand
   * @param waits disposed of when the caller waits no longer
   */
  async #run(
    unit: Unit,
    channel: Channel,
    options: { store: boolean; noted: Noted | undefined; check?: Found; wanted?: Promise<void> },
    waits: Disposable,
  ): Promise<void> {
    const { disk, recorder, clock, timings, store } = this.#ports;
    const checked = options.check === undefined ? [] : blobsOf(options.check.stored.result);
    using _pins = store.pin(checked.map(({ digest }) => digest));
    const local = reasonsToStay(unit, this.#ports);
    if (unit.offMesh !== undefined) recorder.localOnly(OFF_MESH, unit.plan.crateName);
    const nowNs = BigInt(Math.round(clock.now() * 1e6));
    const asks = options.store || options.check !== undefined;
    const fresh: Fresh = asks ? snapshotFresh(unit, disk, nowNs) : new Map();
    const script = unit.outputs.find(({ front }) => front !== undefined);
    using making = script === undefined ? undefined : this.#programs.begin(script.path);
    const running = this.#artifacts.begin(recordsOf(unit, local.length > 0));
    let narrowed: Narrowed | undefined;
    try {
      const strangers = await removeNamesakes(unit, this.#artifacts, disk);
      if (strangers.length > 0) narrowed = onlyDependencies(unit, disk, store.tmpPath());
      const asksToBeKept = unit.env.has('CARGO_PRIMARY_PACKAGE');
      const watched = watch(unit, this.#ports);
      const observe = watched === 'blind' ? undefined : watched;
      unit.trace?.mark('before');
      channel.send({
        act: 'run',
        argv: narrowed?.argv ?? unit.argv,
        unmap: unmappings(unit.roots),
        stat: unit.outputs.map((output) => output.path),
        mkdirs: [],
        ackMs: asksToBeKept ? ACK_MS : 0,
        ...(observe === undefined ? {} : { observe }),
        ...frontOf(unit.outputs),
      });
      if (asks) foresee(unit, disk).catch(() => {});
      const report = await channel.next();
      const sightings = takeSightings(observe, disk);
      if (report?.kind !== 'ran') {
        if (unit.linkInputs !== undefined) disk.remove(unit.linkInputs);
        return;
      }
      unit.trace?.launcher(['compiler', 'stat outputs'], report.at);
      for (const { path } of unit.outputs) noteReplaced(path, this.#ports);
      if (report.code === 0) timings.put(timingKey(unit.plan), report.ms);
      const recorded: RecordOptions = {
        local,
        store: options.store && watched !== 'blind',
        check: options.check,
        remembered: () => running.settle(),
        lull: () => this.#lull.next(making?.wanted, options.wanted),
        differed: false,
        bound: [],
        resultKey: undefined,
      };
      const recording = this.#record(unit, report, { fresh, sightings }, recorded, () => {
        if (asksToBeKept) channel.send({ act: 'kept' });
        unit.trace?.mark('keep');
        unit.trace?.letGo();
        waits[Symbol.dispose]();
      });
      if (unit.exclude.length > 0) this.#artifacts.storing(pathsMade(unit), recording);
      const stored = await recording;
      if (isUnjudged(unit, stored)) this.#artifacts.mark(pathsMade(unit), true);
      if (options.noted === undefined) return;
      unit.trace?.name(undefined, `miss, ${stored}`);
      unit.trace?.mark('store');
      const ending = recorded.differed ? 'differs' : stored;
      const { bound, resultKey } = recorded;
      const off = unit.offMesh === undefined ? [] : [`${OFF_MESH}: ${unit.offMesh.about}`];
      const learnt = ending === 'checked' ? {} : { local: [...off, ...local], bound, resultKey };
      this.#history.note(unit, 'miss', ending, { ...options.noted, ...learnt });
      recorder.outcome({
        kind: 'miss',
        unit: unit.plan.crateName,
        key: unit.key,
        code: report.code,
        ms: report.ms,
        why: options.noted.diff?.[0]?.input ?? 'new',
        stored: ending,
      });
    } finally {
      if (narrowed !== undefined) disk.removeDir(narrowed.dir);
      running.settle();
    }
  }

  /** @param letGo called once nothing of the caller's is needed any more */
  async #record(
    unit: Unit,
    ran: Ran,
    seen: Seen,
    options: RecordOptions,
    letGo: () => void,
  ): Promise<string> {
    try {
      const secured = secure(unit, ran, seen, this.#ports, this.#artifacts);
      unit.trace?.mark('secure');
      // Whoever called may remove the target directory at once, and with it what was read.
      if (typeof secured !== 'string' && secured.isReadFromTarget) await secured.reading();
      letGo();
      if (typeof secured === 'string') {
        await this.#judgeFailure(unit, ran, options);
        return secured;
      }
      using held = secured;
      return await record(unit, ran, held, options, this.#ports, this.#artifacts);
    } catch (error) {
      letGo();
      const failure = toVriftError(error);
      this.#ports.recorder.error(failure.code, failure.stack ?? failure.message);
      return failure.code;
    }
  }

  /** For a check: the cache has a success for what does not compile now. */
  async #judgeFailure(unit: Unit, ran: Ran, options: RecordOptions): Promise<void> {
    const { disk, hasher, recorder } = this.#ports;
    const { check } = options;
    if (check === undefined) return;
    const failed = ran.code !== null && ran.code !== 0;
    // Somebody may have edited a file since it was looked up.
    const { manifest } = check.stored;
    if (!failed || firstDifference(manifest, unit.roots, unit.env, disk, hasher) !== undefined) {
      return recorder.checked('skipped');
    }
    options.differed = true;
    recorder.checked('differs');
    reportDifference(check, [FAILED], unit, ran, this.#ports);
  }
}

/** Of what could not be stored nobody knows whether it reads or prints an excluded name. */
function isUnjudged({ exclude, offMesh: off }: Unit, ending: string): boolean {
  return exclude.length > 0 && off === undefined && !JUDGED.has(ending);
}

const JUDGED: ReadonlySet<string> = new Set(['stored', 'checked', 'not stored', 'recalled']);
const RECACHE = { input: 'VRIFT_RECACHE', before: 'not set', after: '1' };
const CHECK = { input: 'self-check', before: 'in the cache', after: 'compiled and compared' };
const RESTORE = { input: 'restore', before: 'in the cache', after: 'could not be put in place' };
