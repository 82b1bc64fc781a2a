import { toVriftError } from '../base/errors.js';
import { parseRustc } from '../compilers/rustc/parse.js';
import type { Change } from '../keying/explain.js';
import { hasRawBytes } from '../wire/bytes.js';
import { ACK_MS, type CallFrame } from '../wire/launcher.js';
import { Artifacts } from './artifacts.js';
import { crateNameIn, environmentOf, timingKey, wishesIn } from './caller.js';
import { excludedBy } from './excluded.js';
import { Flights } from './flights.js';
import { History } from './history.js';
import { type Fresh, snapshotFresh } from './inputs.js';
import { type Found, findLocal, findRemote } from './lookup.js';
import { unmappings } from './messages.js';
import { removeNamesakes } from './namesakes.js';
import { type Narrowed, onlyDependencies } from './onlyDependencies.js';
import type { Channel, PipelinePorts } from './ports.js';
import { prepare, type Refusal, recordsOf, type Unit } from './prepare.js';
import { type Ran, type RecordOptions, record } from './record.js';
import { planRestore } from './restore.js';
import { type Seen, secure } from './secure.js';
import { differingOutputs } from './verify.js';
import { takeSightings, watch } from './watch.js';

/**
 * How long somebody else's compile of the same unit is waited for: longer than it should take, but
 * it may have been stopped (Ctrl-Z), and then nothing tells when it goes on.
 */
const patienceMs = (expectedMs = 20_000) => Math.min(10 * 60_000, 10_000 + 3 * expectedMs);

/** One compiler call after the other, from argv to outcome. */
export class Pipeline {
  readonly #ports: PipelinePorts;
  readonly #artifacts: Artifacts;
  readonly #flights = new Flights();
  readonly #history: History;

  constructor(ports: PipelinePorts) {
    this.#ports = ports;
    this.#artifacts = new Artifacts(ports.artifacts, ports.disk, ports.hasher);
    this.#history = new History(
      ports.history,
      () => ports.clock.now(),
      ports.observer !== undefined,
    );
  }

  /** The last outcomes, for whoever asks why. */
  get history(): History {
    return this.#history;
  }

  /** Answers one launcher. Never throws: whatever goes wrong, the compiler runs. */
  async call(frame: CallFrame, channel: Channel): Promise<void> {
    try {
      await this.#answer(frame, channel);
    } catch (error) {
      const failure = toVriftError(error);
      this.#ports.recorder.error(failure.code, failure.stack ?? failure.message);
      channel.send({ act: 'pass' });
    }
  }

  async #answer(frame: CallFrame, channel: Channel): Promise<void> {
    const started = this.#ports.clock.monotonic();
    const pass = ({ reason, detail }: Refusal, unit: string) => {
      this.#ports.recorder.outcome({ kind: 'bypass', unit, reason, detail });
      channel.send({ act: 'pass' });
    };
    if (hasRawBytes(frame.cwd) || frame.argv.some(hasRawBytes)) {
      return pass({ reason: 'raw bytes in arguments', detail: '' }, 'unknown');
    }
    const parsed = parseRustc(frame.argv, frame.cwd);
    if (parsed.kind === 'probe') {
      this.#ports.recorder.outcome({ kind: 'probe' });
      return channel.send({ act: 'pass' });
    }
    if (parsed.kind === 'bypass') return pass(parsed, crateNameIn(frame.argv));
    const { plan } = parsed;
    const rules = this.#ports.rules(plan.outDir, frame.cwd);
    if (typeof rules === 'string') {
      return pass({ reason: 'project configuration', detail: rules }, plan.crateName);
    }
    if (!rules.enabled) return pass({ reason: 'switched off', detail: '' }, plan.crateName);

    const env = environmentOf(frame.env);
    if (typeof env === 'string') {
      return pass({ reason: 'variable set twice', detail: env }, plan.crateName);
    }
    const facts = { plan, cwd: frame.cwd, env, umask: frame.umask };
    const unit = await prepare(facts, this.#ports, this.#artifacts);
    if ('reason' in unit) return pass(unit, plan.crateName);

    const excluded = excludedBy(rules, unit, this.#ports.tools.targetDir(plan.outDir, env));
    if (excluded !== undefined) {
      const { reason, detail } = excluded;
      this.#history.note(unit, 'bypass', reason);
      this.#ports.recorder.outcome({ kind: 'bypass', unit: plan.crateName, reason, detail });
      await this.#run(unit, channel, { store: false, changes: undefined });
      return;
    }
    const wishes = wishesIn(env);
    const usualMs = this.#ports.timings.get(timingKey(plan));
    using _flight = await this.#flights.take(unit.key, patienceMs(usualMs));
    let changes: Change[] = [];
    if (!wishes.recache) {
      const expectedMs = usualMs ?? 1_000;
      const local = findLocal(unit, this.#ports);
      if ('known' in local) changes = this.#history.changes(unit, local.difference);
      const found = 'known' in local ? await findRemote(unit, expectedMs, this.#ports) : local;
      if (found !== undefined && wishes.verify) return this.#check(unit, found, channel);
      if (found !== undefined && (await this.#restore(unit, found, channel, started))) return;
    }
    await this.#run(unit, channel, { store: !wishes.readonly, changes });
  }

  /** @returns false when the launcher could not put the result in place: the compiler must run. */
  async #restore(unit: Unit, found: Found, channel: Channel, started: number): Promise<boolean> {
    const { store, disk, recorder, clock } = this.#ports;
    const { result, localOnly } = found.stored;
    using _pins = store.pin(result.outputs.map((output) => output.digest));
    const restore = planRestore(found.stored, unit, store);
    if (restore === undefined) return false;
    const outputs = new Map(restore.ops.map((op, index) => [op.to, restore.made[index]]));
    for (const [path, entry] of recordsOf(unit, localOnly)) {
      const output = outputs.get(path);
      if (output === undefined) continue;
      const { digest, identity } = output;
      this.#artifacts.put(path, { ...entry, digest, identity });
    }
    const { ops, stdout, stderr } = restore;
    const ms = clock.monotonic() - started;
    channel.send({ act: 'hit', ops, stdout, stderr });
    const report = await channel.next();
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
          disk.recordFile(op.to, stat, output.digest);
        }
      });
    }
    store.touch(result.resultKey);
    this.#history.note(unit, 'hit', found.peer ?? found.from);
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
    return true;
  }

  /** Compiles a unit that the cache has. What the compiler made stands; a difference is an error. */
  async #check(unit: Unit, found: Found, channel: Channel): Promise<void> {
    const { recorder, store, disk } = this.#ports;
    const { result, resultDigest } = found.stored;
    if (!(await this.#run(unit, channel, { store: false, changes: [] }))) return;
    const differing = await differingOutputs(result, unit, disk, this.#artifacts);
    if (differing === undefined || differing.length === 0) return;
    store.dropResult(result.resultKey, resultDigest);
    const where = `${unit.plan.crateName}: ${differing.join(', ')} from ${found.peer ?? found.from}`;
    const what = `key ${unit.key}, result ${resultDigest}, toolchain ${unit.toolchain.id}`;
    recorder.error('VRIFT_VERIFY_DIFFERS', `${where}; ${what}; argv ${unit.argv.join(' ')}`);
  }

  /** @returns whether the compiler ran and made its outputs */
  async #run(
    unit: Unit,
    channel: Channel,
    options: { store: boolean; changes: Change[] | undefined },
  ): Promise<boolean> {
    const { disk, store, recorder, clock, timings } = this.#ports;
    const localOnly = this.#staysLocal(unit);
    const nowNs = BigInt(Math.round(clock.now() * 1e6));
    const fresh: Fresh = options.store ? snapshotFresh(unit, disk, nowNs) : new Map();
    const running = this.#artifacts.begin(recordsOf(unit, localOnly));
    let narrowed: Narrowed | undefined;
    try {
      const strangers = await removeNamesakes(unit, this.#artifacts, disk);
      if (strangers.length > 0) narrowed = onlyDependencies(unit, disk, store.tmpPath());
      const waits = unit.env.has('CARGO_PRIMARY_PACKAGE');
      const observe = watch(unit, this.#ports);
      channel.send({
        act: 'run',
        argv: narrowed?.argv ?? unit.argv,
        unmap: unmappings(unit.roots),
        stat: unit.outputs.map((output) => output.path),
        mkdirs: [],
        ackMs: waits ? ACK_MS : 0,
        ...(observe === undefined ? {} : { observe }),
      });
      const report = await channel.next();
      const sightings = takeSightings(observe, disk);
      if (report?.kind !== 'ran') {
        if (unit.linkInputs !== undefined) disk.remove(unit.linkInputs);
        return false;
      }
      if (report.code === 0) timings.put(timingKey(unit.plan), report.ms);
      const stored = await this.#record(
        unit,
        report,
        { fresh, sightings },
        { localOnly, store: options.store, remembered: () => running.settle() },
        () => {
          if (waits) channel.send({ act: 'kept' });
        },
      );
      if (options.changes === undefined) return report.code === 0;
      this.#history.note(unit, 'miss', stored, options.changes);
      recorder.outcome({
        kind: 'miss',
        unit: unit.plan.crateName,
        key: unit.key,
        code: report.code,
        ms: report.ms,
        why: options.changes[0]?.input ?? 'new',
        stored,
      });
      return report.code === 0;
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
      const secured = await secure(unit, ran, seen, this.#ports, this.#artifacts);
      letGo();
      if (typeof secured === 'string') return secured;
      using held = secured;
      return await record(unit, ran, held, options, this.#ports, this.#artifacts);
    } catch (error) {
      letGo();
      const failure = toVriftError(error);
      this.#ports.recorder.error(failure.code, failure.stack ?? failure.message);
      return failure.code;
    }
  }

  /**
   * Whether what this compile makes must not leave this machine; each reason is counted. A machine
   * with nothing to do could compile such a unit again from an empty state, for the others: the
   * unit holds all that takes, and this is where one would be noted for it.
   */
  #staysLocal(unit: Unit): boolean {
    const reasons: string[] = [];
    if (unit.closure.foreign.length > 0) reasons.push('foreign dependency');
    if ([...unit.closure.records.values()].some((entry) => entry.localOnly)) {
      reasons.push('local-only dependency');
    }
    if (unit.incremental?.warm) reasons.push('warm incremental state');
    const split = unit.plan.splitDebuginfo;
    if (split === 'unpacked') reasons.push('unpacked debug information');
    // The names of an incremental compile's units have a random part, and packing keeps them.
    if (split === 'packed' && unit.incremental !== undefined) {
      reasons.push('packed debug information of an incremental compile');
    }
    for (const reason of reasons) this.#ports.recorder.localOnly(reason, unit.plan.crateName);
    return reasons.length > 0;
  }
}
