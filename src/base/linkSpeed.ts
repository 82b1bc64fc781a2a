import { existsSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';

/** The two ends of a connection, as far as they are known. */
export interface Link {
  localAddress?: string | undefined;
  remoteAddress?: string | undefined;
}

/** Below this bytes are dearer than compressing them (docs/performance.md, "Slow links"). */
const SLOW_MBITS = 1_000;
/** A laptop leaves its dock. */
const KNOWN_MS = 30_000;
const MAX_KNOWN = 64;

const known = new Map<string, { slow: boolean; until: number }>();

export function linkOf({ localAddress, remoteAddress }: Socket): Link {
  return { localAddress, remoteAddress };
}

/**
 * Whether a connection goes over a link below a gigabit, or by radio. A machine's own addresses are
 * fast, and so is a cable of which Linux does not know the speed, as between virtual machines.
 */
export function isSlowLink({ localAddress, remoteAddress }: Link): boolean {
  if (localAddress === undefined || localAddress === remoteAddress) return false;
  const now = performance.now();
  const before = known.get(localAddress);
  if (before !== undefined && now < before.until) return before.slow;
  const slow = judge(localAddress.replace(/^::ffff:|%.*$/g, ''));
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(localAddress, { slow, until: now + KNOWN_MS });
  return slow;
}

function judge(address: string): boolean {
  const name = interfaceOf(address);
  if (name === undefined) return false;
  // Most that are sold are laptops.
  if (process.platform !== 'linux') return true;
  const device = `/sys/class/net/${name}`;
  if (existsSync(`${device}/wireless`) || existsSync(`${device}/phy80211`)) return true;
  const mbits = speedOf(device);
  return mbits !== undefined && mbits < SLOW_MBITS;
}

/** Undefined for loopback, and where the system does not say. */
function interfaceOf(address: string): string | undefined {
  if (address.startsWith('127.') || address === '::1') return undefined;
  try {
    const all = Object.entries(networkInterfaces());
    const [name] =
      all.find(([, addresses]) => addresses?.some((one) => one.address === address)) ?? [];
    return name;
  } catch {
    return undefined;
  }
}

/** Mbit/s; undefined where the driver does not say. */
function speedOf(device: string): number | undefined {
  try {
    const mbits = Number(readFileSync(`${device}/speed`, 'utf8'));
    return mbits > 0 ? mbits : undefined;
  } catch {
    return undefined;
  }
}
