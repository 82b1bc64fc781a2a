import { setTimeout as wait } from 'node:timers/promises';
import { Advice } from './workspace.mjs';

const MEET_MS = 30_000;

/**
 * Waits until `person`'s node is connected to `other`'s.
 *
 * @returns what `vrift peers` says of it
 * @throws Advice when that takes too long
 */
export async function connection(person, other) {
  const deadline = performance.now() + MEET_MS;
  for (;;) {
    const peers = await person.vrift(['peers']);
    const peer = peers.find(({ node }) => node === other.node.node);
    if (peer?.state === 'connected') return peer;
    if (performance.now() > deadline) {
      throw new Advice(
        `${person.name}'s node did not reach ${other.name}'s within ${MEET_MS / 1000} s (${peer?.state ?? 'never seen'}).\nDoes a firewall on this machine keep programs from each other?`,
      );
    }
    await wait(100, undefined, { signal: person.signal });
  }
}
