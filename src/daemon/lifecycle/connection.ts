import { unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { errnoOf, type VriftError } from '../../base/errors.js';
import type { ControlReply } from '../../wire/control.js';

/** A caller that was told everything has this long to hang up. */
export const LINGER_MS = 2000;

export function errorReply({ code, message, hint }: VriftError): ControlReply {
  return { kind: 'error', code, message, hint };
}

export function hangUp(socket: Socket): void {
  socket.end();
  socket.setTimeout(LINGER_MS, () => socket.destroy());
}

export async function ended(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const closed = new Promise((resolve) => socket.once('close', resolve));
  hangUp(socket);
  await closed;
}

/** Waits for work that never rejects, but not for ever. */
export async function withinMs(ms: number, work: readonly Promise<void>[]): Promise<void> {
  if (work.length === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([Promise.all(work), deadline]);
  clearTimeout(timer);
}

export function removeStale(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
