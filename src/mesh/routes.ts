import type { PeerInfo } from '../wire/control.js';
import { type Address, addressText } from './address.js';

export interface Route extends Address {
  via: PeerInfo['via'];
}

export type Place = 'first' | 'second' | 'last';

/** Addresses kept of one peer: more are old ones, or a liar's. */
const MAX_ROUTES = 4;

/** The ways to one peer. The first is in use; one that fails goes to the end. */
export class Routes {
  #list: Route[] = [];

  get first(): Route | undefined {
    return this.#list[0];
  }

  /**
   * @param place `first`: the peer was met there; `second`: it says so itself; `last`: another says so, and
   *   drives out nothing
   * @returns whether this changed anything: a repeated sighting does not
   */
  add(route: Route, place: Place): boolean {
    const text = addressText(route);
    const known = this.#list.findIndex((each) => addressText(each) === text);
    if (known === 0 || (known > 0 && place === 'last')) return false;
    if (known === 1 && place === 'second') return false;
    const others = this.#list.filter((_each, index) => index !== known);
    const at = { first: 0, second: 1, last: others.length }[place];
    this.#list = others.toSpliced(at, 0, route).slice(0, MAX_ROUTES);
    return (known < 0 || place === 'first') && this.#list.includes(route);
  }

  rotate(): void {
    const [first, ...others] = this.#list;
    if (first) this.#list = [...others, first];
  }

  has(text: string): boolean {
    return this.#list.some((each) => addressText(each) === text);
  }
}
