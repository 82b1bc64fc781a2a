interface Guest {
  address: string;
  evict: () => void;
}

/**
 * Bounds how many unknown connections may be under way, in all and per address. The oldest has to
 * go for a new one: whoever means well is done in milliseconds, so a crowd that only waits shuts
 * nobody out.
 */
export class Gate {
  readonly #total: number;
  readonly #perAddress: number;
  /** In order of arrival. */
  readonly #guests = new Set<Guest>();

  constructor({ total, perAddress }: { total: number; perAddress: number }) {
    this.#total = total;
    this.#perAddress = perAddress;
  }

  /**
   * @param evict ends the connection; called at most once, never after the guest has left
   * @returns to be called when the connection has become known or has ended
   */
  enter(address: string, evict: () => void): () => void {
    const sameAddress = [...this.#guests].filter((guest) => guest.address === address);
    if (sameAddress.length >= this.#perAddress) this.#evict(sameAddress[0]);
    if (this.#guests.size >= this.#total) this.#evict(this.#guests.values().next().value);
    const guest = { address, evict };
    this.#guests.add(guest);
    return () => this.#guests.delete(guest);
  }

  #evict(guest: Guest | undefined): void {
    if (guest === undefined) return;
    this.#guests.delete(guest);
    guest.evict();
  }
}
