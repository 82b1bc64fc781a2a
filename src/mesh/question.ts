import type { Digest } from '../base/digest.js';
import type { Attestation, Manifest, Result } from '../base/result.js';
import type { Peer } from './peer.js';

/** A result that peers hold, checked. Structurally the pipeline's `Candidate`. */
export interface Candidate {
  manifest: Manifest;
  result: Result;
  attestations: Attestation[];
  holders: string[];
}

/** One sound result in one peer's answer. */
export interface Answer {
  resultDigest: Digest;
  manifest: Manifest;
  result: Result;
  attestations: Attestation[];
}

/** After a first answer, how long a slower peer with perhaps another result is waited for. */
const GRACE_MS = 5;

interface Holder {
  node: string;
  rttMs: number;
}

interface Waiter {
  waitsFor: WaitsFor;
  leave(): void;
}

/** Whether a caller stays until that peer has answered. */
export type WaitsFor = (peer: Peer) => boolean;

/**
 * One unit key on its way to some peers. Several callers may wait for it, each for as long as it
 * likes; answers that come after everybody left are merged into nothing.
 */
export class Question {
  readonly unitKey: Digest;
  readonly #pending = new Set<Peer>();
  readonly #merged = new Map<Digest, { answer: Answer; holders: Holder[] }>();
  readonly #waiters = new Set<Waiter>();
  #asked = false;
  #grace: NodeJS.Timeout | undefined;
  #enough = false;
  readonly #isEnough: (answer: Answer) => boolean;

  /** @param isEnough whether a result may be used for what is known of it */
  constructor(unitKey: Digest, isEnough: (answer: Answer) => boolean = () => true) {
    this.unitKey = unitKey;
    this.#isEnough = isEnough;
  }

  ask(peers: readonly Peer[]): void {
    this.#asked = true;
    for (const peer of peers) this.#pending.add(peer);
    this.#review();
  }

  /** Whether anybody stays until that peer has answered. */
  isAwaited(peer: Peer): boolean {
    return [...this.#waiters].some(({ waitsFor }) => waitsFor(peer));
  }

  /** @param answers undefined when the peer gave none, for whatever reason */
  answer(peer: Peer, answers: readonly Answer[] | undefined): void {
    this.#pending.delete(peer);
    for (const answer of answers ?? []) this.#merge(peer, answer);
    const usable = [...this.#merged.values()].some(({ answer: one }) => this.#isEnough(one));
    if (usable && this.#grace === undefined) {
      this.#grace = setTimeout(() => {
        this.#enough = true;
        this.#review();
      }, GRACE_MS);
    }
    this.#review();
  }

  /**
   * Waits until every peer that the caller waits for answered, or one did and the grace passed, or
   * the signal aborts.
   *
   * @returns what is known then, and who has not answered
   */
  async outcome(
    signal: AbortSignal,
    waitsFor: WaitsFor,
  ): Promise<{ candidates: Candidate[]; silent: Peer[] }> {
    if (!this.#isSettled(waitsFor)) {
      await new Promise<void>((resolve) => {
        const waiter = {
          waitsFor,
          leave: () => {
            signal.removeEventListener('abort', waiter.leave);
            this.#waiters.delete(waiter);
            resolve();
          },
        };
        this.#waiters.add(waiter);
        signal.addEventListener('abort', waiter.leave);
        if (signal.aborted) waiter.leave();
      });
    }
    return { candidates: this.#candidates(), silent: [...this.#pending] };
  }

  #merge(peer: Peer, answer: Answer): void {
    const holder = { node: peer.node, rttMs: peer.rttMs ?? Number.MAX_VALUE };
    const known = this.#merged.get(answer.resultDigest);
    if (!known) {
      this.#merged.set(answer.resultDigest, { answer, holders: [holder] });
      return;
    }
    if (!known.holders.some(({ node }) => node === peer.node)) known.holders.push(holder);
    const signers = new Set(known.answer.attestations.map(({ signer }) => signer));
    const more = answer.attestations.filter(({ signer }) => !signers.has(signer));
    known.answer.attestations = [...known.answer.attestations, ...more];
  }

  #candidates(): Candidate[] {
    return [...this.#merged.values()].map(({ answer, holders }) => ({
      manifest: answer.manifest,
      result: answer.result,
      attestations: [...answer.attestations],
      holders: [...holders].sort((a, b) => a.rttMs - b.rttMs).map(({ node }) => node),
    }));
  }

  #isSettled(waitsFor: WaitsFor): boolean {
    return this.#asked && (this.#enough || ![...this.#pending].some(waitsFor));
  }

  #review(): void {
    if (this.#enough || this.#pending.size === 0) clearTimeout(this.#grace);
    for (const waiter of this.#waiters) if (this.#isSettled(waiter.waitsFor)) waiter.leave();
  }
}
