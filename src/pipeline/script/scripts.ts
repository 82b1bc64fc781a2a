import { toVriftError } from '../../base/errors.js';
import type { ScriptInfo } from '../../wire/control.js';
import type { ScriptFrame } from '../../wire/launcher.js';
import { parseDistinct, type Sighting } from '../../wire/observed.js';
import { wishesIn } from '../caller.js';
import { Flights } from '../flights.js';
import type { Channel, PipelinePorts, ScriptOutcome } from '../ports.js';
import { prefixMaps } from './flags.js';
import { findScript } from './lookup.js';
import { prepareScript, type ScriptUnit } from './prepare.js';
import { recordRun, type ScriptRan } from './record.js';
import { turn } from './slices.js';
import { unpackTree } from './tree.js';

/** Runs of build scripts: replayed where all that one read is the same, else run and recorded. */
export class Scripts {
  readonly #ports: PipelinePorts;
  readonly #flights = new Flights();
  /** Keys whose runs cannot be recorded, with why: watching them would be for nothing. */
  readonly #hopeless = new Map<string, string>();

  readonly #latest = new Map<string, ScriptInfo>();

  constructor(ports: PipelinePorts) {
    this.#ports = ports;
  }

  /** The last runs since the start, latest first; of one package where that is named. */
  latest(name?: string): ScriptInfo[] {
    const all = [...this.#latest.values()].toReversed();
    return name === undefined ? all : all.filter((run) => run.package === name);
  }

  /** Answers one front. Never throws: whatever goes wrong, the script runs. */
  async call(frame: ScriptFrame, channel: Channel): Promise<void> {
    try {
      await this.#answer(frame, channel);
    } catch (error) {
      const failure = toVriftError(error);
      this.#ports.recorder.error(failure.code, failure.stack ?? failure.message);
      channel.send({ act: 'pass' });
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

  #note(outcome: ScriptOutcome): void {
    this.#ports.recorder.script(outcome);
    const { name, ms } = outcome;
    const ran = outcome.kind === 'ran';
    if (this.#latest.size > 10_000) this.#latest.clear();
    this.#latest.delete(name);
    this.#latest.set(name, {
      package: name,
      outcome: outcome.kind,
      from: ran ? '' : outcome.from,
      why: ran ? outcome.why : '',
      recorded: ran ? outcome.recorded : '',
      ms: Math.round(ms),
      at: this.#ports.clock.now(),
    });
  }

  async #answer(frame: ScriptFrame, channel: Channel): Promise<void> {
    const { observer, rules, clock } = this.#ports;
    const started = clock.monotonic();
    const pass = (reason: string, name = 'unknown') => {
      this.#note({ kind: 'ran', name, why: '', recorded: reason, ms: 0 });
      channel.send({ act: 'pass' });
    };
    if (observer === undefined) return pass('nobody watches');
    if (!this.#ports.buildScripts) return pass('switched off');
    const unit = await prepareScript(frame, this.#ports);
    if (typeof unit === 'string') return pass(unit);
    const allowed = rules(unit.outDir, unit.cwd);
    if (typeof allowed === 'string') return pass('project configuration', unit.name);
    if (!allowed.enabled) return pass('switched off', unit.name);
    const wishes = wishesIn(unit.env);
    const hopeless = this.#hopeless.get(unit.key);
    if (hopeless !== undefined) return this.#run(unit, channel, { hopeless });
    using _flight = await this.#flights.take(unit.key, 10 * 60_000);
    const why = wishes.recache ? 'VRIFT_RECACHE' : await this.#replay(unit, channel, started);
    if (why !== undefined)
      await this.#run(unit, channel, { library: observer, mayStore: !wishes.readonly, why });
  }

  /** @returns why the script has to run; undefined when it was put in place */
  async #replay(unit: ScriptUnit, channel: Channel, started: number): Promise<string | undefined> {
    const { store, recorder, clock } = this.#ports;
    const found = await findScript(unit, this.#ports);
    if (typeof found === 'string') return found;
    const { result, resultDigest } = found.stored;
    using _pins = store.pin(result.outputs.map(({ digest }) => digest));
    const tree = result.outputs[0]!;
    const bytes = store.readBlob(tree.digest);
    const texts = [result.stdout, result.stderr].map(({ digest, size }) =>
      size === 0 ? '' : store.readBlob(digest)?.toString('utf8'),
    );
    const [stdout, stderr] = texts;
    if (bytes === undefined || stdout === undefined || stderr === undefined) return 'damaged';
    const from = { bytes, path: store.blobPath(tree.digest) };
    const ops = unpackTree(from, unit.outDir, unit.roots);
    if (ops === undefined) return 'damaged';
    const expand = (text: string) => unit.expandText(text);
    channel.send({ act: 'hit', ops, stdout: expand(stdout), stderr: expand(stderr) });
    const report = await channel.next();
    if (report?.kind === 'failed') {
      recorder.error('VRIFT_RESTORE_FAILED', `build script of ${unit.name}: ${report.error}`);
      return 'restore failed';
    }
    if (report === undefined) return undefined;
    store.touch(result.resultKey, resultDigest);
    const ms = clock.monotonic() - started;
    const savedMs = Math.max(0, result.compileMs - ms);
    this.#note({
      kind: 'replayed',
      name: unit.name,
      from: found.from,
      ms,
      savedMs,
      bytes: found.received,
    });
    return undefined;
  }

  async #run(
    unit: ScriptUnit,
    channel: Channel,
    { library, mayStore = false, why = '', hopeless }: RunOptions,
  ): Promise<void> {
    const { store, disk, recorder, tools } = this.#ports;
    const log = store.tmpPath();
    const watched = library !== undefined && disk.make(log) ? { library, log } : undefined;
    const wasEmpty = (disk.list(unit.outDir) ?? []).length === 0;
    // What the script has compiled must not come from the cache: nobody would see what it read.
    const disabled = watched === undefined ? [] : ['VRIFT_DISABLE=1'];
    const env = [...disabled, ...prefixMaps(unit, await tools.prefixMaps(unit.cwd, unit.env))];
    channel.send({
      act: 'run',
      argv: [...unit.argv],
      unmap: [],
      stat: [],
      mkdirs: [],
      ackMs: mayStore ? SAFE_MS : 0,
      env,
      ...(watched === undefined ? {} : { observe: watched }),
    });
    const report = await channel.next();
    const sightings = await this.#sightings(watched?.log);
    if (report?.kind !== 'ran') return;
    const ran: ScriptRan = { ...report, sightings, wasEmpty };
    let recorded = hopeless ?? 'not stored';
    try {
      if (mayStore) recorded = await recordRun(unit, ran, this.#ports);
    } catch (error) {
      const failure = toVriftError(error);
      recorder.error(failure.code, failure.stack ?? failure.message);
      recorded = failure.code;
    }
    channel.send({ act: 'kept' });
    if (HOPELESS.test(recorded)) {
      if (this.#hopeless.size > 10_000) this.#hopeless.clear();
      this.#hopeless.set(unit.key, recorded);
    }
    this.#note({ kind: 'ran', name: unit.name, why, recorded, ms: report.ms });
  }
}

interface RunOptions {
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

/** Reasons that hold for the next run as well. */
const HOPELESS =
  /^(network|reads the clock|writes outside|not observed|rerun-if-changed inside|too )/;
