import { linkSignals } from '../base/signals.js';

/** Aborts with its parent, or when nothing has moved for a while. */
export interface StallSignal extends Disposable {
  readonly signal: AbortSignal;
  readonly stalled: boolean;
  /** Something moved. */
  progress(): void;
}

export function watchStall(parent: AbortSignal, stallMs: number): StallSignal {
  const linked = linkSignals([parent]);
  let stalled = false;
  const timer = setTimeout(() => {
    stalled = true;
    linked.abort(new Error(`no bytes for ${stallMs} ms`));
  }, stallMs);
  return {
    signal: linked.signal,
    get stalled() {
      return stalled;
    },
    progress: () => void timer.refresh(),
    [Symbol.dispose]() {
      clearTimeout(timer);
      linked[Symbol.dispose]();
    },
  };
}
