import type { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import { Bonjour, type Browser, type Service } from 'bonjour-service';
import { decodeTxt, encodeTxt, SERVICE_TYPE, type Txt } from '../../wire/txt.js';
import { MAX_ADDRESSES, type Sighting } from './discovery.js';

export interface Announcement {
  instance: string;
  /** Must end in `.local`: bonjour-service adds nothing. */
  host: string;
  port: number;
  txt: Txt;
}

/** Names that one look-around may find; a flood of more starts it afresh. */
const MAX_SERVICES = 1024;
const GOODBYE_MS = 500;

/** Parts of bonjour-service 1.4 that its types hide: its error events would end the process. */
interface Inside {
  server: { mdns: EventEmitter };
}

/**
 * mDNS on one interface. bonjour-service 1.4 needs: `bind` beside `interface` (else it hears
 * nothing on Linux), an error callback and a listener for `error` (else a send without a route
 * ends the process), `probe: false` (else a name collision says goodbye for the other node), and
 * one service per instance (stopping one of two removes the PTR of both).
 */
export class MdnsChannel {
  readonly #bonjour: Bonjour;
  readonly #onSighting: (sighting: Sighting) => void;
  readonly #settled: Promise<void>;
  #browser: Browser | undefined;

  constructor(
    address: string,
    announcement: Announcement | undefined,
    on: { sighting(sighting: Sighting): void; problem(error: Error): void },
  ) {
    this.#onSighting = on.sighting;
    const options = { interface: address, bind: '0.0.0.0' };
    this.#bonjour = new Bonjour(options as object, on.problem);
    const { mdns } = (this.#bonjour as unknown as Inside).server;
    contain(mdns, on.problem);
    mdns.on('error', on.problem);
    // Malformed packets of other programs come as warnings too: only ours have a system call.
    mdns.on('warning', (error: Error) => 'syscall' in error && on.problem(error));
    this.#settled = new Promise((resolve) => {
      mdns.once('ready', resolve);
      mdns.once('error', () => resolve());
    });
    if (announcement) this.#publish(announcement, on.problem);
    this.lookAround();
  }

  /**
   * Asks who is there. A fresh browser each time, because an old one reports no name twice and
   * keeps the first address for ever; `expire()` is never used, it would drop live peers.
   */
  lookAround(): void {
    this.#browser?.stop();
    this.#browser = this.#bonjour.find({ type: SERVICE_TYPE });
    for (const event of ['up', 'srv-update', 'txt-update'] as const) {
      this.#browser.on(event, (service: Service) => this.#see(service));
    }
  }

  async close(): Promise<void> {
    this.#browser?.stop();
    await this.#settled;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GOODBYE_MS);
      this.#bonjour.unpublishAll(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    await new Promise<void>((resolve) => {
      this.#bonjour.destroy(() => resolve());
    });
  }

  #publish(announcement: Announcement, onProblem: (error: Error) => void): void {
    const { instance, host, port, txt } = announcement;
    const service = this.#bonjour.publish({
      name: instance,
      type: SERVICE_TYPE,
      host,
      port,
      txt: encodeTxt(txt),
      probe: false,
    });
    service.on('error', onProblem);
  }

  #see(service: Service): void {
    if ((this.#browser?.services.length ?? 0) > MAX_SERVICES) this.lookAround();
    const txt = decodeTxt(service.txt);
    if (!txt) return;
    this.#onSighting({
      via: 'mdns',
      source: service.name,
      addresses: addressesOf(service),
      port: service.port,
      txt,
    });
  }
}

/** Who sent the packet first: it certainly has that address, and can be reached there. */
function addressesOf({ referer, addresses = [] }: Service): string[] {
  const listed = addresses.filter((address) => isIP(address) === 4);
  const all = referer ? [referer.address, ...listed] : listed;
  return [...new Set(all)].slice(0, MAX_ADDRESSES);
}

/** Listeners of bonjour-service see packets of anybody: what they throw must not end the process. */
function contain(mdns: EventEmitter, onProblem: (error: Error) => void): void {
  const emit = mdns.emit.bind(mdns);
  mdns.emit = (event: string | symbol, ...args: unknown[]) => {
    try {
      return emit(event, ...args);
    } catch (error) {
      onProblem(error as Error);
      return true;
    }
  };
}
