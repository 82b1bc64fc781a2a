/** A signal that lives as long as its scope: dispose it and no listener stays behind. */
export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

/**
 * Aborts when a parent does or when `deadlineMs` have passed. `AbortSignal.any` would leak on
 * Node 20 while a long-lived parent keeps the combined signal's listeners.
 */
export function linkSignals(
  parents: readonly (AbortSignal | undefined)[],
  options: { deadlineMs?: number } = {},
): LinkedSignal {
  const controller = new AbortController();
  const live = parents.filter((parent) => parent !== undefined);
  const forward = (event: Event) => controller.abort((event.target as AbortSignal).reason);
  for (const parent of live) {
    if (parent.aborted) controller.abort(parent.reason);
    else parent.addEventListener('abort', forward, { once: true });
  }
  const timer =
    options.deadlineMs === undefined
      ? undefined
      : setTimeout(
          () => controller.abort(new DOMException('deadline passed', 'TimeoutError')),
          options.deadlineMs,
        );
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const parent of live) parent.removeEventListener('abort', forward);
    },
  };
}
