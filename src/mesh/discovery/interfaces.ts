import { networkInterfaces } from 'node:os';

export const LOOPBACK = '127.0.0.1';

/** A multicast socket per address: more networks than this on one machine are virtual ones. */
const MAX_INTERFACES = 16;

/**
 * The IPv4 addresses to speak mDNS on, one per interface.
 *
 * @param wanted interface names or addresses; undefined for all. Loopback is among them by
 *   default: it is how two nodes of one machine meet when there is no network.
 */
export function addressesToUse(
  wanted: readonly string[] | undefined,
  interfaces = networkInterfaces(),
): string[] {
  const found: string[] = [];
  for (const [name, addresses] of Object.entries(interfaces)) {
    const usable = (addresses ?? []).filter(({ family }) => family === 'IPv4');
    if (wanted === undefined) {
      const first = usable.find(({ internal }) => !internal);
      if (first) found.push(first.address);
      continue;
    }
    const chosen = usable.find(({ address }) => wanted.includes(address));
    const byName = wanted.includes(name) ? usable[0] : undefined;
    const address = (chosen ?? byName)?.address;
    if (address !== undefined) found.push(address);
  }
  const list = found.sort().slice(0, MAX_INTERFACES - 1);
  return wanted === undefined ? [...list, LOOPBACK] : list;
}
