import { networkInterfaces } from 'node:os';
import { addressText } from './address.js';
import { LOOPBACK } from './discovery/interfaces.js';

const MAX_ADDRESSES = 8;

/** Where others reach this machine, for an invitation; loopback only when there is no network. */
export function ownAddresses(port: number, interfaces = networkInterfaces()): string[] {
  const outside = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    // IPv4 first: it is what office networks route.
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(({ address }) => address);
  const hosts = outside.length === 0 ? [LOOPBACK] : outside;
  return hosts.slice(0, MAX_ADDRESSES).map((host) => addressText({ host, port }));
}
