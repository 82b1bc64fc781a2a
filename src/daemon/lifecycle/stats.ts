import type { ErrorCode } from '../../base/errors.js';
import type { ScriptOutcome } from '../../pipeline/ports.js';
import type { StatsInfo } from '../../wire/control.js';
import { Fallbacks } from './fallbacks.js';
import { Latencies } from './latencies.js';

export type HitSource = keyof StatsInfo['hits'];
export type ByteCount = keyof StatsInfo['bytes'];

/** What happened since the start or the last reset. A unit ends in one hit, miss or bypass. */
export class Stats {
  readonly #fallbacks: Fallbacks;
  #counts: Omit<StatsInfo, 'latencyMs'> = emptyCounts();
  #hitDisk = new Latencies();
  #hitPeer = new Latencies();

  /** @param fallbacksFile lines that launchers wrote when they went on without the node */
  constructor(fallbacksFile: string) {
    this.#fallbacks = new Fallbacks(fallbacksFile);
  }

  /**
   * A unit was restored.
   *
   * @param ms      in the node, from the call's frame to the answer
   * @param savedMs what the compile had cost where it ran, less `ms`; never counts below zero
   */
  hit(from: HitSource, ms: number, savedMs: number): void {
    this.#counts.units += 1;
    this.#counts.hits[from] += 1;
    this.#counts.savedMs += Math.max(0, savedMs);
    if (from === 'disk') this.#hitDisk.add(ms);
    if (from === 'peer') this.#hitPeer.add(ms);
  }

  /** A unit was cacheable, and nobody had it. The compile itself is counted by `compiled`. */
  miss(): void {
    this.#counts.units += 1;
    this.#counts.misses += 1;
  }

  /** A unit was not cacheable. The compile itself is counted by `compiled`. */
  bypass(reason: string): void {
    this.#counts.units += 1;
    bump(this.#counts.bypassed, reason);
  }

  /** The real compiler ran to make outputs. */
  compiled(): void {
    this.#counts.compiled += 1;
  }

  /** A build script was to run. */
  script(outcome: ScriptOutcome): void {
    const { scripts } = this.#counts;
    if (outcome.kind === 'replayed') {
      scripts.replayed[outcome.from] += 1;
      this.#counts.savedMs += outcome.savedMs;
    } else {
      scripts.ran += 1;
      // What follows a colon names a file or a program.
      if (!['stored', 'checked'].includes(outcome.recorded))
        bump(scripts.refused, outcome.recorded.split(':')[0]!);
    }
  }

  /** A call that makes no outputs: `-vV`, `--print`, `-`. */
  probe(): void {
    this.#counts.probes += 1;
  }

  /** A result stayed on this machine. */
  localOnly(reason: string): void {
    bump(this.#counts.localOnly, reason);
  }

  /** A hit was to be compiled and compared: its compile is counted as a miss. Or a script to be run. */
  checked(ending: 'same' | 'differs' | 'skipped', what?: 'script'): void {
    const { checks } = what === 'script' ? this.#counts.scripts : this.#counts;
    if (ending === 'skipped') checks.skipped += 1;
    else checks.done += 1;
    if (ending === 'differs') checks.differed += 1;
  }

  /** A peer was not waited for any longer: it did not answer, or not send, in time. */
  late(): void {
    this.#counts.late += 1;
  }

  /** A result was there, and not used for who signed it, or because it was recalled. */
  refused(reason: keyof StatsInfo['refused']): void {
    this.#counts.refused[reason] += 1;
  }

  error(code: ErrorCode): void {
    bump(this.#counts.errors, code);
  }

  addBytes(count: ByteCount, bytes: number): void {
    this.#counts.bytes[count] += bytes;
  }

  snapshot(): StatsInfo {
    const errors = { ...this.#counts.errors };
    for (const [code, count] of this.#fallbacks.counts())
      errors[code] = (errors[code] ?? 0) + count;
    return {
      ...structuredClone(this.#counts),
      savedMs: Math.round(this.#counts.savedMs),
      errors,
      latencyMs: { hitDisk: this.#hitDisk.percentiles(), hitPeer: this.#hitPeer.percentiles() },
    };
  }

  reset(): void {
    this.#counts = emptyCounts();
    this.#hitDisk = new Latencies();
    this.#hitPeer = new Latencies();
    this.#fallbacks.clear();
  }
}

function bump(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function emptyCounts(): Omit<StatsInfo, 'latencyMs'> {
  return {
    units: 0,
    hits: { disk: 0, peer: 0, remote: 0 },
    misses: 0,
    compiled: 0,
    probes: 0,
    bypassed: {},
    localOnly: {},
    checks: { done: 0, differed: 0, skipped: 0 },
    scripts: {
      ran: 0,
      replayed: { disk: 0, peer: 0 },
      refused: {},
      checks: { done: 0, differed: 0, skipped: 0 },
    },
    refused: { policy: 0, recall: 0 },
    late: 0,
    errors: {},
    bytes: { peerIn: 0, peerOut: 0, remoteIn: 0, remoteOut: 0, stored: 0 },
    savedMs: 0,
  };
}
