import type { Digest } from '../base/digest.js';
import { linkSignals } from '../base/signals.js';
import { BOUNDS, type Found } from '../wire/http.js';
import { type FoundChecks, soundPart } from './checkFound.js';
import { PeerFault } from './fault.js';
import type { Peer } from './peer.js';
import { type Answer, type Candidate, Question } from './question.js';
import { sharedSignal } from './stall.js';

/** Who answers within this may be waited for in haste. */
const QUICK_MS = 100;

/** Bounds a request whose askers have all gone: its connection is worth more than its answer. */
const REQUEST_MS = 5_000;

/** Requests to one peer that nobody waits for: the rest of its connections is for others. */
const MOST_UNAWAITED = 4;

export interface Within {
  /** Whoever took longer for its last answer is asked, and not waited for. */
  deadlineMs: number;
  /** Whoever is late once is not waited for again in haste until it was quick, and not suspect. */
  hasty?: boolean | undefined;
  signal?: AbortSignal;
}

/**
 * Asks all usable peers for unit keys: what is asked within one turn of the event loop goes to
 * each peer in one request.
 */
export class Finder {
  readonly #peers: () => Peer[];
  readonly #checks: FoundChecks;
  readonly #isEnough: (answer: Answer) => boolean;
  readonly #onLate: (peers: Peer[]) => void;
  readonly #closed = new AbortController();
  /** Too late for a caller in haste, and not quick since. */
  readonly #slow = new WeakSet<Peer>();
  /** How long a peer's last answer took, or for how long at least there was none. */
  readonly #tookMs = new WeakMap<Peer, number>();
  /** Requests that have no answer yet. */
  readonly #open = new WeakMap<Peer, number>();
  #batch = new Map<Digest, Question>();

  /**
   * @param options.isEnough whether so many attestations let it be used; else more are waited for
   * @param options.onLate nobody has it, as far as is known without the answer of these peers
   */
  constructor(options: {
    peers: () => Peer[];
    checks: FoundChecks;
    isEnough?: (answer: Answer) => boolean;
    onLate?: (peers: Peer[]) => void;
  }) {
    this.#peers = options.peers;
    this.#checks = options.checks;
    this.#isEnough = options.isEnough ?? (() => true);
    this.#onLate = options.onLate ?? (() => {});
    sharedSignal(this.#closed.signal);
  }

  /** @returns [] when nobody has it, or nobody answered in time */
  async find(unitKey: Digest, { deadlineMs, hasty, signal }: Within): Promise<Candidate[]> {
    if (this.#closed.signal.aborted || this.#peers().length === 0) return [];
    const question = this.#enlist(unitKey);
    using within = linkSignals([signal], { deadlineMs });
    const waitsFor = (peer: Peer) =>
      hasty ? !this.#slow.has(peer) : (this.#tookMs.get(peer) ?? 0) < deadlineMs;
    const { candidates, silent } = await question.outcome(within.signal, waitsFor);
    if (within.signal.aborted && !signal?.aborted) {
      for (const peer of silent) {
        if (hasty) this.#slow.add(peer);
        else if (waitsFor(peer)) peer.suspect();
        this.#tookAtLeast(peer, deadlineMs);
      }
    }
    if (candidates.length === 0 && silent.length > 0 && !signal?.aborted) this.#onLate(silent);
    return candidates;
  }

  close(): void {
    this.#closed.abort();
  }

  #enlist(unitKey: Digest): Question {
    if (this.#batch.size === 0) setImmediate(() => this.#send());
    const question = this.#batch.get(unitKey) ?? new Question(unitKey, this.#isEnough);
    this.#batch.set(unitKey, question);
    return question;
  }

  #send(): void {
    const questions = [...this.#batch.values()];
    this.#batch = new Map();
    const peers = this.#peers();
    for (const question of questions) question.ask(peers);
    for (let at = 0; at < questions.length; at += BOUNDS.findKeys) {
      const part = questions.slice(at, at + BOUNDS.findKeys);
      for (const peer of peers) {
        const isAwaited = part.some((question) => question.isAwaited(peer));
        if (isAwaited || this.#openTo(peer) < MOST_UNAWAITED) void this.#askPeer(peer, part);
      }
    }
  }

  async #askPeer(peer: Peer, questions: readonly Question[]): Promise<void> {
    const answers = await this.#answersOf(peer, questions);
    for (const [index, question] of questions.entries()) question.answer(peer, answers?.[index]);
  }

  async #answersOf(peer: Peer, questions: readonly Question[]): Promise<Answer[][] | undefined> {
    using within = linkSignals([this.#closed.signal], { deadlineMs: REQUEST_MS });
    const askedMs = performance.now();
    this.#open.set(peer, this.#openTo(peer) + 1);
    try {
      const keys = questions.map(({ unitKey }) => unitKey);
      const found = await peer.client.find(keys, within.signal);
      const tookMs = performance.now() - askedMs;
      this.#tookMs.set(peer, tookMs);
      if (tookMs < QUICK_MS) this.#slow.delete(peer);
      return keys.map((unitKey, index) =>
        found[index]!.flatMap((each) => this.#check(unitKey, each)),
      );
    } catch (error) {
      if (error instanceof PeerFault) peer.penalise(error.message);
      else if (!this.#closed.signal.aborted) {
        this.#tookAtLeast(peer, performance.now() - askedMs);
        peer.suspect();
      }
      return undefined;
    } finally {
      this.#open.set(peer, this.#openTo(peer) - 1);
    }
  }

  #tookAtLeast(peer: Peer, ms: number): void {
    this.#tookMs.set(peer, Math.max(ms, this.#tookMs.get(peer) ?? 0));
  }

  #openTo(peer: Peer): number {
    return this.#open.get(peer) ?? 0;
  }

  /** @throws PeerFault for a lie */
  #check(unitKey: Digest, { manifest, result, attestations }: Found): Answer[] {
    const sound = soundPart(unitKey, { manifest, result, attestations }, this.#checks);
    if (sound === undefined) return [];
    return [
      { resultDigest: sound.resultDigest, manifest, result, attestations: sound.attestations },
    ];
  }
}
