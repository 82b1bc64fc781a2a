import type { Clock } from '../base/clock.js';
import type { PeerInfo } from '../wire/control.js';
import { addressText } from './address.js';
import type { Sighting } from './discovery/discovery.js';

/** Three look-arounds without a word. */
const FORGET_MS = 100_000;
const MAX_SEEN = 256;

/** What was announced and belongs to no peer yet: who it is only a connection can tell. */
export class SeenList {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { sighting: Sighting; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(sighting: Sighting): void {
    this.#seen.delete(sighting.source);
    this.#seen.set(sighting.source, { sighting, at: this.#clock.now() });
    if (this.#seen.size <= MAX_SEEN) return;
    const [oldest] = this.#seen.keys();
    this.#seen.delete(oldest!);
  }

  /** @param isExplained whether an address is a known peer's, or our own */
  infos(isExplained: (address: string) => boolean): PeerInfo[] {
    const since = this.#clock.now() - FORGET_MS;
    const infos: PeerInfo[] = [];
    for (const [source, { sighting, at }] of this.#seen) {
      const addresses = sighting.addresses.map((host) =>
        addressText({ host, port: sighting.port }),
      );
      if (at < since) this.#seen.delete(source);
      else if (!addresses.some(isExplained)) infos.push(infoOf(sighting, addresses[0] ?? '', at));
    }
    return infos;
  }
}

function infoOf({ source, via }: Sighting, address: string, lastSeen: number): PeerInfo {
  return {
    name: source,
    node: '',
    address,
    state: 'seen',
    via,
    rttMs: null,
    version: null,
    results: null,
    bytesIn: 0,
    bytesOut: 0,
    hits: 0,
    lastSeen,
  };
}
