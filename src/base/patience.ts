/**
 * Waits for a promise, at most for so long.
 *
 * @returns whether it has settled; it goes on all the same
 */
export async function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = () => true;
  const inTime = await Promise.race([promise.then(settled, settled), late]);
  clearTimeout(timer);
  return inTime;
}
