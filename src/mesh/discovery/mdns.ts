import { randomBytes } from 'node:crypto';
import { MESH_PROTOCOL } from '../../wire/version.js';
import { type Announcement, MdnsChannel } from './channel.js';
import type { Discovery, Sighting } from './discovery.js';
import { addressesToUse } from './interfaces.js';
import { makeTxt } from './tag.js';

const POLL_MS = 3_000;
const LOOK_AROUND_MS = 30_000;
/** A poll that comes so late means that the machine slept. */
const SLEPT_MS = 15_000;

export interface MdnsOptions {
  /** Absent: only listens. */
  announce?: { port: number; secret: Uint8Array };
  /** Interface names or IPv4 addresses; default: all, and loopback. */
  interfaces?: readonly string[] | undefined;
  /** Something did not work on one interface; told once per text. */
  onProblem(error: Error): void;
  /** Tests make interfaces come and go. */
  listAddresses?: () => string[];
  pollMs?: number;
}

/**
 * Finds nodes by DNS-SD, and is found. One channel per interface, because an instance for several
 * sends on one of them only. After a change of interfaces everything starts anew under a new
 * random name, because bonjour-service announces old addresses for ever.
 */
export class MdnsDiscovery implements Discovery {
  readonly #options: MdnsOptions;
  readonly #told = new Set<string>();
  #channels: MdnsChannel[] = [];
  #addresses: string[] = [];
  #instance = '';
  #onSighting: (sighting: Sighting) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<unknown> = Promise.resolve();
  #lastPoll = 0;
  #lastLook = 0;

  constructor(options: MdnsOptions) {
    this.#options = options;
  }

  start(onSighting: (sighting: Sighting) => void): void {
    this.#onSighting = onSighting;
    this.#open(this.#list());
    this.#timer = setInterval(() => this.#poll(), this.#options.pollMs ?? POLL_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#shut();
    await this.#closing;
  }

  #poll(): void {
    const now = performance.now();
    const slept = now - this.#lastPoll > SLEPT_MS;
    this.#lastPoll = now;
    const addresses = this.#list();
    if (slept || addresses.join() !== this.#addresses.join()) {
      this.#shut();
      this.#open(addresses);
    } else if (now - this.#lastLook > LOOK_AROUND_MS) {
      this.#lastLook = now;
      for (const channel of this.#channels) channel.lookAround();
    }
  }

  #open(addresses: string[]): void {
    const announcement = this.#announcement();
    this.#instance = announcement?.instance ?? '';
    this.#addresses = addresses;
    this.#lastPoll = this.#lastLook = performance.now();
    this.#channels = addresses.map(
      (address) =>
        new MdnsChannel(address, announcement, {
          sighting: (sighting) => {
            if (sighting.source !== this.#instance) this.#onSighting(sighting);
          },
          problem: (error) => this.#tell(address, error),
        }),
    );
  }

  #shut(): void {
    const ending = this.#channels.map((channel) => channel.close());
    this.#channels = [];
    this.#closing = Promise.all([this.#closing, ...ending]);
  }

  /** Names are random per start: equal ones would make nodes say goodbye for each other. */
  #announcement(): Announcement | undefined {
    const { announce } = this.#options;
    if (!announce) return undefined;
    const instance = `vrift-${randomBytes(6).toString('hex')}`;
    return {
      instance,
      host: `${instance}.local`,
      port: announce.port,
      txt: makeTxt(announce.secret, instance, MESH_PROTOCOL),
    };
  }

  #list(): string[] {
    return (this.#options.listAddresses ?? (() => addressesToUse(this.#options.interfaces)))();
  }

  #tell(address: string, error: Error): void {
    const text = `mDNS on ${address}: ${error.message}`;
    if (this.#told.has(text) || this.#told.size > 64) return;
    this.#told.add(text);
    this.#options.onProblem(new Error(text, { cause: error }));
  }
}
