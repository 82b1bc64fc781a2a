import type { EventSink, MeshEvent } from './events.js';

/** What anybody on the network can cause at will. */
type Provoked = Extract<MeshEvent['kind'], 'knock' | 'join-refused'>;

const WINDOW_MS = 60_000;
/** Of one kind within a window; an office that moves in at once has fewer newcomers than that. */
const MAX_TOLD = 20;

/**
 * Passes events on, of those that strangers can cause twenty a minute and kind. How many were left out
 * is told when the minute is over.
 */
export function hushed(onEvent: EventSink): EventSink {
  const windows = new Map<Provoked, { told: number; leftOut: number }>();
  const end = (kind: Provoked) => {
    const leftOut = windows.get(kind)?.leftOut ?? 0;
    windows.delete(kind);
    if (leftOut > 0) onEvent({ kind: 'hushed', of: kind, count: leftOut });
  };
  return (event) => {
    if (event.kind !== 'knock' && event.kind !== 'join-refused') {
      onEvent(event);
      return;
    }
    const { kind } = event;
    let window = windows.get(kind);
    if (window === undefined) {
      window = { told: 0, leftOut: 0 };
      windows.set(kind, window);
      setTimeout(end, WINDOW_MS, kind).unref();
    }
    if (window.told < MAX_TOLD) {
      window.told += 1;
      onEvent(event);
    } else window.leftOut += 1;
  };
}
