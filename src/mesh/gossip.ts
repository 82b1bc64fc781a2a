import type { Hello } from '../wire/http.js';
import { PeerFault } from './fault.js';

/** The membership as the mesh needs it; `identity/` implements it. */
export interface Roster {
  readonly meshId: string;
  isMember(node: string): boolean;
  statements(): Buffer[];
  rosterDigest(): string;
  /** @throws when no honest node sends such statements */
  merge(statements: Buffer[]): boolean;
}

/**
 * Pulls the statements of peers that hold others than we do. Both sides do that, so every change
 * reaches everybody who meets anybody.
 */
export class Gossip {
  readonly #roster: Roster;
  /** Per node, the pair of digests that a pull did not make equal: the peer has to pull then. */
  readonly #settled = new Map<string, string>();

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  /** @throws PeerFault when the peer's statements are no roster of this mesh */
  async catchUp(hello: Hello, pull: () => Promise<Buffer[]>): Promise<{ changed: boolean }> {
    const pair = `${hello.roster} ${this.#roster.rosterDigest()}`;
    const known = hello.roster === this.#roster.rosterDigest();
    if (known || this.#settled.get(hello.node) === pair) return { changed: false };
    const changed = this.#merge(await pull());
    this.#settled.set(hello.node, `${hello.roster} ${this.#roster.rosterDigest()}`);
    return { changed };
  }

  #merge(statements: Buffer[]): boolean {
    try {
      return this.#roster.merge(statements);
    } catch (error) {
      throw new PeerFault(`roster: ${(error as Error).message}`);
    }
  }
}
