import type { Clock } from '../../base/clock.js';
import type { Digest } from '../../base/digest.js';
import { toVriftError } from '../../base/errors.js';
import { adopt } from '../../pipeline/adopt.js';
import type { Candidate, PipelinePorts } from '../../pipeline/ports.js';
import { BOUNDS } from '../../wire/http.js';
import { Calm } from './calm.js';
import { Pace } from './pace.js';

/** A new peer has other things to do at first, and so has whoever is just starting a build. */
const AFTER_MS = 2_000;
/** Who compiled at the same moment while connected finds together in this time. */
const AGAIN_MS = 15 * 60_000;
/** Results that were used last; older ones are told when they are used again. */
const NEWEST = 2_048;
const MAX_BYTES = 256 * 1024 ** 2;
/** Of the store; above, nothing is adopted. */
const FULL = 0.8;

export interface ConvergenceOptions {
  clock: Clock;
  store: {
    newest(limit: number): Digest[];
    stats(): { bytes: number; maxBytes: number };
  };
  mesh: { offers(node: string, resultKeys: Digest[]): Promise<Candidate[]> };
  ports: PipelinePorts;
}

/**
 * Brings nodes that compiled apart together again: each peer that is met is asked, some time
 * later and while no build is under way, for results that all nodes prefer to what is here.
 */
export class Convergence {
  readonly calm: Calm;
  readonly #options: ConvergenceOptions;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  readonly #connected = new Set<string>();
  /** When each may be asked (monotonic ms), in the order of meeting. */
  readonly #waiting = new Map<string, number>();
  readonly #again: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #callsSince = false;

  constructor(options: ConvergenceOptions) {
    const { monotonic } = options.clock;
    this.#options = options;
    this.calm = new Calm(monotonic);
    this.#pace = new Pace(monotonic());
    this.#again = setInterval(() => this.#queueAll(), AGAIN_MS).unref();
  }

  /** A call of a launcher begins; dispose when it ends. */
  call(): Disposable {
    this.#callsSince = true;
    return this.calm.begin();
  }

  met(node: string): void {
    this.#connected.add(node);
    this.#waiting.set(node, this.#options.clock.monotonic() + AFTER_MS);
    this.#schedule();
  }

  lost(node: string): void {
    this.#connected.delete(node);
    this.#waiting.delete(node);
  }

  /** Begins nothing more; `ended` tells when what is under way has ended. */
  stop(): void {
    this.#stop.abort();
    clearInterval(this.#again);
    clearTimeout(this.#timer);
  }

  async ended(): Promise<void> {
    await this.#sweeping;
  }

  #queueAll(): void {
    if (!this.#callsSince) return;
    this.#callsSince = false;
    const nowMs = this.#options.clock.monotonic();
    for (const node of this.#connected) {
      if (!this.#waiting.has(node)) this.#waiting.set(node, nowMs);
    }
    this.#schedule();
  }

  #schedule(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#timer !== undefined || this.#sweeping !== undefined) return;
    if (this.#stop.signal.aborted) return;
    const [node, dueMs] = next;
    const nowMs = this.#options.clock.monotonic();
    const inMs = Math.max(0, dueMs - nowMs, this.#pace.waitMs(nowMs));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#waiting.delete(node)) return this.#schedule();
      this.#pace.take(this.#options.clock.monotonic());
      this.#sweeping = this.#sweep(node).finally(() => {
        this.#sweeping = undefined;
        this.#schedule();
      });
    }, inMs).unref();
  }

  async #sweep(node: string): Promise<void> {
    const { store, mesh, ports } = this.#options;
    const quiet = () => this.calm.quiet(this.#stop.signal);
    try {
      const offers: Candidate[] = [];
      const keys = (await quiet()) ? store.newest(NEWEST) : [];
      for (let at = 0; at < keys.length; at += BOUNDS.standings) {
        offers.push(...(await mesh.offers(node, keys.slice(at, at + BOUNDS.standings))));
        if (!(await quiet())) return;
      }
      const hasRoom = (bytes: number) => {
        const stats = store.stats();
        return stats.bytes + bytes <= stats.maxBytes * FULL;
      };
      await adopt(offers, ports, { maxBytes: MAX_BYTES, hasRoom, quiet });
    } catch (error) {
      const { code, message } = toVriftError(error);
      ports.recorder.error(code, message);
    }
  }
}
