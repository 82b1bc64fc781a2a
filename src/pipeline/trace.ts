/** What a call did from one moment to another; nanoseconds of the system's monotonic clock. */
export interface Span {
  name: string;
  from: number;
  to: number;
}

/** What the trace of a call shows beside its times. */
export interface Traced {
  unit: string;
  outcome: string;
  spans: readonly Span[];
  /** Those that came after the launcher had ended. */
  after: readonly Span[];
}

/** Where traces of calls go; undefined for a call that asks for none. */
export interface TracePort {
  begin(frame: { env: readonly string[]; cwd: string; at?: unknown }): Trace | undefined;
}

/** The stages of one call, one behind the other: each ends where the next begins. */
export class Trace {
  readonly #now: () => number;
  readonly #done: (traced: Traced) => void;
  readonly #spans: Span[] = [];
  readonly #after: Span[] = [];
  #last: number;
  #isOver = false;
  #unit = 'unknown';
  #outcome = 'ended';

  /**
   * @param now nanoseconds
   * @param at the launcher's times: processor time before its first line, that line, the sending
   */
  constructor(now: () => number, at: unknown, done: (traced: Traced) => void) {
    this.#now = now;
    this.#done = done;
    this.#last = now();
    const times = numbersIn(at);
    if (times.length !== 3) return;
    const [used, first, sent] = times as [number, number, number];
    this.#spans.push({ name: 'launcher spawn', from: first - used, to: first });
    this.#spans.push({ name: 'connect', from: first, to: sent });
    this.#spans.push({ name: 'queue', from: sent, to: this.#last });
  }

  /** @param unit undefined where it is known already */
  name(unit: string | undefined, outcome: string): void {
    if (unit !== undefined) this.#unit = unit;
    this.#outcome = outcome;
  }

  /** What went on since the last mark. */
  mark(name: string): void {
    const now = this.#now();
    (this.#isOver ? this.#after : this.#spans).push({ name, from: this.#last, to: now });
    this.#last = now;
  }

  /**
   * What the launcher did since it was answered.
   *
   * @param at its times: the answer read, each step done, the report sent
   */
  launcher(names: readonly string[], at: unknown): void {
    const times = numbersIn(at);
    if (times.length === names.length + 1) {
      this.#spans.push({ name: 'reply', from: this.#last, to: times[0]! });
      for (const [index, name] of names.entries()) {
        this.#spans.push({ name, from: times[index]!, to: times[index + 1]! });
      }
      this.#last = times.at(-1)!;
    }
    this.mark('report');
  }

  /** The launcher has ended, or ends now: what follows keeps nobody waiting. */
  letGo(): void {
    this.#isOver = true;
  }

  end(): void {
    const [unit, outcome] = [this.#unit, this.#outcome];
    this.#done({ unit, outcome, spans: this.#spans, after: this.#after });
  }
}

function numbersIn(list: unknown): number[] {
  if (!Array.isArray(list) || list.length > 100_000) return [];
  return list.every((item) => Number.isFinite(item) && item >= 0) ? list : [];
}
