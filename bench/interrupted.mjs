/** Aborts when this process is told to end, and when who reads its output went away. */
export function untilInterrupted() {
  const interrupted = new AbortController();
  process.on('SIGINT', () => interrupted.abort());
  process.on('SIGTERM', () => interrupted.abort());
  // A reader that went away must not keep us from cleaning up.
  process.stdout.on('error', () => interrupted.abort());
  return interrupted.signal;
}
