/** Bounds how many answers with content are under way, in all and per peer. */
export class UploadSlots {
  readonly #max: number;
  readonly #maxPerPeer: number;
  readonly #perPeer = new Map<string, number>();
  #total = 0;

  constructor(max: number, maxPerPeer: number) {
    this.#max = max;
    this.#maxPerPeer = maxPerPeer;
  }

  /** @returns how to give the slot back (once; more calls do nothing), or undefined when full */
  take(peer: string): (() => void) | undefined {
    const taken = this.#perPeer.get(peer) ?? 0;
    if (this.#total >= this.#max || taken >= this.#maxPerPeer) return undefined;
    this.#total += 1;
    this.#perPeer.set(peer, taken + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#total -= 1;
      const left = (this.#perPeer.get(peer) ?? 1) - 1;
      if (left === 0) this.#perPeer.delete(peer);
      else this.#perPeer.set(peer, left);
    };
  }
}
