import { readFileSync, writeFileSync } from 'node:fs';
import { discard, type Layout } from './layout.js';

/**
 * Whether the last close was a clean one. Takes its mark away: until the next close the store
 * counts as open.
 */
export function takeCleanMark(layout: Layout): boolean {
  try {
    return Number.isSafeInteger(JSON.parse(readFileSync(layout.cleanMarker, 'utf8')).indexBytes);
  } catch {
    return false;
  } finally {
    discard(layout.cleanMarker);
  }
}

/** @param indexBytes what the index's file must at least have at the next open */
export function leaveCleanMark(layout: Layout, indexBytes: number): void {
  writeFileSync(layout.cleanMarker, JSON.stringify({ indexBytes }), { mode: 0o600 });
}
