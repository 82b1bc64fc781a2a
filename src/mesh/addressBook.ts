import { join } from 'node:path';
import { readPrivateFile, writePrivateFile } from '../identity/files.js';
import { isId } from '../identity/ids.js';
import { splitAddress } from '../identity/token.js';

/** Addresses of that many members survive a restart; the ones met last. */
const MAX_KNOWN = 64;

/**
 * Where members were last reached. Without multicast a restarted node would otherwise be alone
 * until somebody called it. A hint like any other: who answers there proves who it is.
 */
export class AddressBook {
  readonly #file: string;
  readonly #known: Map<string, string>;

  constructor(dir: string) {
    this.#file = join(dir, 'peers.json');
    this.#known = new Map(read(this.#file));
  }

  /** @param address `host:port`, IPv6 in brackets */
  note(node: string, address: string): void {
    if (this.#known.get(node) === address) return;
    this.#known.delete(node);
    this.#known.set(node, address);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(oldest);
    }
    try {
      writePrivateFile(this.#file, `${JSON.stringify([...this.#known])}\n`);
    } catch {
      // A full disk costs the hint, nothing else.
    }
  }

  *entries(): Generator<{ node: string; host: string; port: number }> {
    for (const [node, address] of this.#known) yield { node, ...splitAddress(address) };
  }
}

function read(file: string): [node: string, address: string][] {
  try {
    const list: unknown = JSON.parse(readPrivateFile(file)?.toString('utf8') ?? '[]');
    if (!Array.isArray(list)) return [];
    return list.slice(-MAX_KNOWN).filter(isEntry);
  } catch {
    return [];
  }
}

function isEntry(entry: unknown): entry is [string, string] {
  if (!Array.isArray(entry) || entry.length !== 2) return false;
  const [node, address] = entry as unknown[];
  return isId(node) && typeof address === 'string' && /^[^\s]{1,280}:\d{1,5}$/.test(address);
}
