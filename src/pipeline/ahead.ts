import type { Digest } from '../base/digest.js';
import { toVriftError } from '../base/errors.js';
import { foreign } from './foreign.js';
import type { Found } from './lookup.js';
import type { Candidate, PipelinePorts } from './ports.js';
import { type Budget, type Digested, fetchBudget, missingOf, take } from './take.js';

/** Keys in one question for results: some may have large manifests. */
const AT_ONCE = 24;
/** Results that are fetched at the same time. */
const PARALLEL = 4;
/** Longer than anybody waits, which tells the mesh that nobody does (mesh/fetch). */
const FETCH_MS = 120_000;
/** Smaller results say more about round trips than about the way. */
const TELLING_BYTES = 256 * 1024;
/** A result is not waited for where it should take so many times what the call has left. */
const LENIENCE = 1.5;
/** Then the way may be another. */
const PACE_KNOWN_MS = 30_000;
/** Without a call for so long nobody builds any more. */
const IDLE_MS = 5_000;
/** Hits from the peer that were not foreseen, one after the other: this is another build. */
const MAX_UNFORESEEN = 8;
/** Results that came and were not used yet: so many are brought in vain for another build. */
const MAX_UNUSED = 64;
const MAX_ASKED = 20_000;
/** How often whoever waits for room looks whether anybody still builds. */
const LOOK_MS = 250;

interface Run {
  peer: string;
  /** What the peer named. */
  planned: Set<Digest>;
  unforeseen: number;
  /** Results that came and were not used yet. */
  unused: number;
  stopped: boolean;
}

/** A result that is on its way. */
interface Coming {
  arrival: Promise<void>;
  /** What making it took. */
  madeInMs: number;
  bytes: number;
  beganMs: number;
}

/**
 * Brings results before cargo asks for them. The first unit that comes from a peer tells which
 * build this is: what that peer used next, in its order, most likely comes next here as well. All
 * of it is checked like what was asked for, and a unit takes it only if its inputs fit.
 */
export class Ahead {
  readonly #ports: PipelinePorts;
  readonly #coming = new Map<Digest, Coming>();
  /** Who gave what came ahead, by result digest, until it is used. */
  readonly #unused = new Map<Digest, { peer: string | undefined; run: Run }>();
  /** Called when one of them is used. */
  readonly #waiting = new Set<() => void>();
  /** Units that calls looked for, and did not wait for. */
  readonly #asked = new Set<Digest>();
  #run: Run | undefined;
  /** How long results take for their bytes; known from when a call waited in vain for one. */
  #pace: { msPerByte: number; atMs: number } | undefined;
  readonly #playing = new Set<Promise<void>>();
  #lastCallMs = 0;
  #closed = false;

  constructor(ports: PipelinePorts) {
    this.#ports = ports;
  }

  /** A call looks for that unit: what comes only now is none that came ahead. */
  called(unitKey: Digest): void {
    this.#lastCallMs = this.#ports.clock.monotonic();
    if (this.#asked.size > MAX_ASKED) this.#asked.clear();
    this.#asked.add(unitKey);
  }

  /**
   * Waits for what is on its way for a unit, in relation to what making it cost.
   *
   * @param leftFor what the call waits for content
   * @returns `late` when it takes too long, or will: asking for the same again would take longer
   *   still
   */
  async arrival(
    unitKey: Digest,
    leftFor: Budget = fetchBudget(this.#ports.clock),
  ): Promise<'none' | 'ended' | 'late'> {
    const coming = this.#coming.get(unitKey);
    if (coming === undefined) return 'none';
    const leftMs = leftFor(coming.madeInMs);
    if (this.#willBeLate(coming, leftMs)) return 'late';
    this.#asked.delete(unitKey);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), leftMs);
    });
    const ending = await Promise.race([coming.arrival.then(() => 'ended' as const), patience]);
    clearTimeout(timer);
    if (ending === 'late') {
      this.#asked.add(unitKey);
      this.#noteLate(coming);
    }
    return ending;
  }

  /** Whether waiting for it would most likely be in vain, as it was for another. */
  #willBeLate({ bytes, beganMs }: Coming, leftMs: number): boolean {
    const nowMs = this.#ports.clock.monotonic();
    const msPerByte = this.#msPerByte(nowMs) ?? 0;
    return bytes * msPerByte - (nowMs - beganMs) > LENIENCE * leftMs;
  }

  /** Of what did not come in time nobody knows how much is missing: it counts as half of it. */
  #noteLate({ bytes, beganMs }: Coming): void {
    if (bytes < TELLING_BYTES) return;
    const atMs = this.#ports.clock.monotonic();
    const msPerByte = (2 * (atMs - beganMs)) / bytes;
    this.#pace = { msPerByte: Math.max(msPerByte, this.#msPerByte(atMs) ?? 0), atMs };
  }

  #noteCame({ beganMs }: Coming, bytes: number): void {
    if (bytes < TELLING_BYTES || this.#pace === undefined) return;
    const atMs = this.#ports.clock.monotonic();
    this.#pace = { msPerByte: (atMs - beganMs) / bytes, atMs };
  }

  #msPerByte(nowMs: number): number | undefined {
    if (this.#pace !== undefined && nowMs - this.#pace.atMs > PACE_KNOWN_MS) {
      this.#pace = undefined;
    }
    return this.#pace?.msPerByte;
  }

  /** A hit on this disk counts as the peer's when it came ahead, and is used for the first time. */
  credit(found: Found): Found {
    const { resultDigest } = found.stored;
    const came = this.#unused.get(resultDigest);
    if (came === undefined) return found;
    this.#unused.delete(resultDigest);
    came.run.unused -= 1;
    came.run.unforeseen = 0;
    for (const goOn of this.#waiting) goOn();
    return { ...found, from: 'peer', peer: came.peer };
  }

  /** A unit comes from that peer because it was asked for. */
  follow(peer: string | undefined, unitKey: Digest): void {
    if (peer === undefined || this.#closed) return;
    const run = this.#run;
    if (run !== undefined && !run.stopped) {
      if (run.planned.has(unitKey)) {
        run.unforeseen = 0;
        return;
      }
      // Before the peer has named anything, nothing can be foreseen.
      if (run.planned.size > 0) run.unforeseen += 1;
      if (run.unforeseen < MAX_UNFORESEEN) return;
      run.stopped = true;
    }
    this.#run = {
      peer,
      planned: new Set(),
      unforeseen: 0,
      unused: 0,
      stopped: false,
    };
    const playing = this.#play(this.#run, unitKey).finally(() => this.#playing.delete(playing));
    this.#playing.add(playing);
  }

  /** Begins nothing more; `ended` tells when what is under way has ended. */
  stop(): void {
    this.#closed = true;
    if (this.#run !== undefined) this.#run.stopped = true;
  }

  async ended(): Promise<void> {
    await Promise.all(this.#playing);
  }

  async #play(run: Run, first: Digest): Promise<void> {
    const { mesh, store, recorder } = this.#ports;
    try {
      const keys = await mesh.unitsAfter(run.peer, first);
      const wanted = keys.filter((key) => store.manifestsOf(key).length === 0);
      for (const key of wanted) run.planned.add(key);
      let coming = this.#ask(run, wanted.slice(0, AT_ONCE));
      for (let at = 0; at < wanted.length && this.#goesOn(run); at += AT_ONCE) {
        const candidates = await coming;
        // The next answer comes while this one's content does.
        coming = this.#ask(run, wanted.slice(at + AT_ONCE, at + 2 * AT_ONCE));
        await this.#bring(run, wanted.slice(at, at + AT_ONCE), candidates);
      }
    } catch (error) {
      const { code, message } = toVriftError(error);
      recorder.error(code, message);
    } finally {
      run.stopped = true;
    }
  }

  #goesOn(run: Run): boolean {
    const idleMs = this.#ports.clock.monotonic() - this.#lastCallMs;
    return !run.stopped && idleMs < IDLE_MS;
  }

  /** Waits until there is room for one more. @returns false when nobody builds any more */
  async #hasRoom(run: Run): Promise<boolean> {
    while (this.#goesOn(run) && run.unused >= MAX_UNUSED) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        timer = setTimeout(resolve, LOOK_MS);
      });
      this.#waiting.clear();
      clearTimeout(timer);
    }
    return this.#goesOn(run);
  }

  #ask(run: Run, keys: readonly Digest[]): Promise<Candidate[]> {
    const { mesh, store } = this.#ports;
    const wanted = keys.filter((key) => store.manifestsOf(key).length === 0);
    return wanted.length === 0 ? Promise.resolve([]) : mesh.resultsOf(run.peer, wanted);
  }

  async #bring(run: Run, keys: readonly Digest[], candidates: readonly Candidate[]): Promise<void> {
    const queue = keys.values();
    const work = async () => {
      for (let next = queue.next(); !next.done; next = queue.next()) {
        const key = next.value;
        const theirs = candidates.filter(({ result }) => result.unitKey === key);
        const [best] = foreign(key, theirs, this.#ports, () => true).usable;
        if (best !== undefined && (await this.#hasRoom(run))) await this.#take(run, best);
      }
    };
    const works = await Promise.allSettled(Array.from({ length: PARALLEL }, work));
    for (const each of works) if (each.status === 'rejected') throw each.reason;
  }

  async #take(run: Run, candidate: Digested): Promise<void> {
    const { store, recorder } = this.#ports;
    const { unitKey } = candidate.result;
    // Cargo may have been quicker, and may be fetching it.
    if (store.manifestsOf(unitKey).length > 0 || this.#asked.has(unitKey)) return;
    run.unused += 1;
    const [coming, arrive] = this.#announce(unitKey, candidate.result);
    try {
      const found = await take(candidate, FETCH_MS, this.#ports);
      if (found !== undefined) recorder.cameAhead(found.received);
      if (found !== undefined) this.#noteCame(coming, found.received);
      // A call that did not wait has got it for itself.
      if (found === undefined || this.#asked.has(unitKey)) {
        run.unused -= 1;
        return;
      }
      if (this.#unused.size > 10_000) this.#unused.clear();
      this.#unused.set(candidate.resultDigest, { peer: found.peer, run });
    } finally {
      arrive();
    }
  }

  /** @returns what is coming, and what is to be called when it has come, or will not come */
  #announce(unitKey: Digest, result: Candidate['result']): [Coming, () => void] {
    const { store, clock } = this.#ports;
    let arrive = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const bytes = missingOf(result, store).reduce((sum, { size }) => sum + size, 0);
    const beganMs = clock.monotonic();
    const coming = { arrival, madeInMs: result.compileMs, bytes, beganMs };
    this.#coming.set(unitKey, coming);
    const end = () => {
      if (this.#coming.get(unitKey) === coming) this.#coming.delete(unitKey);
      arrive();
    };
    return [coming, end];
  }
}
