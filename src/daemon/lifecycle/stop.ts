/** A close that takes longer hangs; the lock and the store both survive a crash. */
const HARD_STOP_MS = 20_000;

export interface StopOptions {
  /** A terminal that goes away ends a node in the foreground, and no other. */
  foreground: boolean;
  /** What nobody caught, once the node is open. */
  onFault: (error: unknown) => void;
}

/**
 * The reasons for which a process stops, as promises; and the faults for which it does not. Born
 * installed; disposing removes every handler.
 */
export class StopSignals implements Disposable {
  /** Settles when the node should stop. */
  readonly requested: Promise<void>;
  /** Rejects with what nobody caught while the node was opening. */
  readonly fault: Promise<never>;
  reason = '';
  readonly #controller = new AbortController();
  readonly #options: StopOptions;
  #rejectStart: ((error: unknown) => void) | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: StopOptions) {
    this.#options = options;
    this.requested = new Promise((resolve) => {
      this.#controller.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.fault = new Promise((_, reject) => {
      this.#rejectStart = reject;
    });
    this.fault.catch(() => {});
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, this.#onSignal);
    process.on('uncaughtException', this.#onFault);
    process.on('unhandledRejection', this.#onFault);
  }

  /** Aborts when the node begins to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From here on a fault is reported, and the node goes on. */
  opened(): void {
    this.#rejectStart = undefined;
  }

  request(reason: string): void {
    if (this.signal.aborted) return;
    this.reason = reason;
    this.#deadline = setTimeout(() => process.exit(1), HARD_STOP_MS).unref();
    this.#controller.abort();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#deadline);
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.off(name, this.#onSignal);
    process.off('uncaughtException', this.#onFault);
    process.off('unhandledRejection', this.#onFault);
  }

  /** Whoever asks a second time does not want to wait. */
  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (name === 'SIGHUP' && !this.#options.foreground) return;
    if (this.signal.aborted) process.exit(1);
    this.request(name);
  };

  readonly #onFault = (error: unknown): void => {
    if (this.#rejectStart === undefined) this.#options.onFault(error);
    else this.#rejectStart(error);
  };
}
