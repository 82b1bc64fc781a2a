import type { Clock } from '../base/clock.js';
import { type Address, addressText } from './address.js';
import type { Sighting } from './discovery/discovery.js';
import type { Route } from './routes.js';
import { sharedSignal } from './stall.js';

/** Addresses tried at once; a flood of announcements waits for the next look-around. */
const MAX_BUSY = 64;
const MAX_REMEMBERED = 512;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
/** A sighted address is tried so often, then again when it is sighted anew. */
const ATTEMPTS = 6;
/** Who listens somewhere is asked again after so long. */
const KNOWN_MS = 30_000;

interface Attempt {
  failures: number;
  /** Monotonic; not tried before. */
  notBefore: number;
  busy: boolean;
  timer?: NodeJS.Timeout | undefined;
}

/**
 * Finds out which member, if any, listens at a sighted address. After that the peer itself keeps
 * the connection.
 */
export class Dialer {
  readonly #clock: Clock;
  readonly #identify: (address: Address, signal: AbortSignal) => Promise<string>;
  readonly #onNode: (node: string, route: Route) => void;
  readonly #attempts = new Map<string, Attempt>();
  readonly #closed = new AbortController();

  constructor(options: {
    clock: Clock;
    identify(address: Address, signal: AbortSignal): Promise<string>;
    onNode(node: string, route: Route): void;
  }) {
    this.#clock = options.clock;
    this.#identify = options.identify;
    this.#onNode = options.onNode;
    sharedSignal(this.#closed.signal);
  }

  dial(sighting: Sighting, isNeeded: (address: string) => boolean): void {
    for (const host of sighting.addresses) {
      const route: Route = { host, port: sighting.port, via: sighting.via };
      if (isNeeded(addressText(route))) this.#begin(route);
    }
  }

  close(): void {
    this.#closed.abort();
    for (const { timer } of this.#attempts.values()) clearTimeout(timer);
  }

  #begin(route: Route): void {
    const text = addressText(route);
    const attempt = this.#attempts.get(text) ?? { failures: 0, notBefore: 0, busy: false };
    if (attempt.busy || this.#clock.monotonic() < attempt.notBefore || this.#isFull()) return;
    clearTimeout(attempt.timer);
    if (attempt.failures >= ATTEMPTS) attempt.failures = 0;
    attempt.busy = true;
    this.#remember(text, attempt);
    void this.#try(route, attempt);
  }

  async #try(route: Route, attempt: Attempt): Promise<void> {
    try {
      const node = await this.#identify(route, this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      attempt.failures = 0;
      attempt.notBefore = this.#clock.monotonic() + KNOWN_MS;
      this.#onNode(node, route);
    } catch {
      // A stranger, another mesh, or nobody: what was sighted was only a hint.
      if (this.#closed.signal.aborted) return;
      this.#retryLater(route, attempt);
    } finally {
      attempt.busy = false;
    }
  }

  #retryLater(route: Route, attempt: Attempt): void {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** attempt.failures, MAX_PAUSE_MS);
    attempt.failures += 1;
    attempt.notBefore = this.#clock.monotonic() + pauseMs;
    if (attempt.failures >= ATTEMPTS) return;
    attempt.timer = setTimeout(() => this.#begin(route), pauseMs + 1);
  }

  #isFull(): boolean {
    let busy = 0;
    for (const attempt of this.#attempts.values()) if (attempt.busy) busy += 1;
    return busy >= MAX_BUSY;
  }

  #remember(text: string, attempt: Attempt): void {
    this.#attempts.delete(text);
    this.#attempts.set(text, attempt);
    if (this.#attempts.size <= MAX_REMEMBERED) return;
    for (const [old, { busy, timer }] of this.#attempts) {
      if (busy) continue;
      clearTimeout(timer);
      this.#attempts.delete(old);
      return;
    }
  }
}
