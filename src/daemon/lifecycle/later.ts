/** A promise and the two ways to settle it. */
export interface Later<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function later<T>(): Later<T> {
  const parts: Partial<Later<T>> = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  // Whoever waits is told; that nobody waits is no fault.
  promise.catch(() => {});
  return { ...(parts as Omit<Later<T>, 'promise'>), promise };
}
