import { setMaxListeners } from 'node:events';
import { linkSignals } from '../base/signals.js';

/** Aborts with its parent, or when nothing has moved for a while. */
export interface StallSignal extends Disposable {
  readonly signal: AbortSignal;
  /** Something moved. */
  progress(): void;
}

export function watchStall(parent: AbortSignal, stallMs: number): StallSignal {
  const linked = linkSignals([parent]);
  const timer = setTimeout(() => {
    linked.abort(new Error(`no bytes for ${stallMs} ms`));
  }, stallMs);
  return {
    signal: linked.signal,
    progress: () => void timer.refresh(),
    [Symbol.dispose]() {
      clearTimeout(timer);
      linked[Symbol.dispose]();
    },
  };
}

/** Many wait for one of these at once, and each leaves: no leak to warn of. */
export function sharedSignal(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
