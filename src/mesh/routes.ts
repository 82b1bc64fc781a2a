import type { PeerInfo } from '../wire/control.js';
import { type Address, addressText } from './address.js';

export interface Route extends Address {
  via: PeerInfo['via'];
}

/** Addresses kept of one peer: more are old ones, or a liar's. */
const MAX_ROUTES = 4;

/** The ways to one peer. The first is in use; one that fails goes to the end. */
export class Routes {
  #list: Route[] = [];

  get first(): Route | undefined {
    return this.#list[0];
  }

  /** @returns whether this changed anything: a repeated sighting does not */
  add(route: Route, place: 'first' | 'last'): boolean {
    const text = addressText(route);
    const known = this.#list.findIndex((each) => addressText(each) === text);
    if (known === 0 || (known > 0 && place === 'last')) return false;
    const others = this.#list.filter((_each, index) => index !== known);
    this.#list = (place === 'first' ? [route, ...others] : [...others, route]).slice(0, MAX_ROUTES);
    return place === 'first' || others.length < MAX_ROUTES;
  }

  rotate(): void {
    const [first, ...others] = this.#list;
    if (first) this.#list = [...others, first];
  }

  has(text: string): boolean {
    return this.#list.some((each) => addressText(each) === text);
  }
}
