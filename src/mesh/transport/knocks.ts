import type { TLSSocket } from 'node:tls';
import { VriftError } from '../../base/errors.js';
import type { Membership } from '../../identity/membership.js';
import type { NodeKey } from '../../identity/nodeKey.js';
import type { Role } from '../../identity/roles.js';
import { nodeIdOf } from '../../identity/spki.js';
import { KNOCK_MS, type KnockFrame, MAX_KNOCKS } from '../../wire/join.js';
import { challenge as challengeNewcomer } from './challenge.js';
import type { Conversation } from './conversation.js';
import { welcomeTo } from './welcomeTo.js';

/** A newcomer that waits for an admin. */
export interface Knock {
  node: string;
  /** What it calls itself: anybody can call itself anything. */
  name: string;
  /** IP address that it comes from. */
  address: string;
  /** Milliseconds since the epoch. */
  since: number;
}

export interface Pending extends Knock {
  socket: TLSSocket;
  spki: Buffer;
  talk: Conversation;
  /** Digest of the number that it will open, base64. */
  commit: string;
  /** Ends the wait: what the newcomer is told. */
  end(verdict: Verdict): void;
}

export type Verdict =
  | { kind: 'joined'; role: Role }
  | { kind: 'refused'; message: string }
  /** It hung up, or went on too long. */
  | { kind: 'gone' };

/** Codes that may be tried. */
const APPROVALS = { count: 5, everyMs: 60_000 };

/**
 * Who knocks at this node, and the only place where a code lets somebody in. All in memory: a node
 * that restarts has heard nobody.
 */
export class Knocks {
  readonly #membership: Membership;
  readonly #key: NodeKey;
  readonly #monotonic: () => number;
  readonly #knockMs: number;
  readonly #challenge: typeof challengeNewcomer;
  readonly #pending = new Set<Pending>();
  #approvals: number[] = [];
  /** One code at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: {
    membership: Membership;
    key: NodeKey;
    monotonic?: () => number;
    knockMs?: number;
    /** Two that open to one code cannot be made: tests say that they do. */
    challenge?: typeof challengeNewcomer;
  }) {
    this.#challenge = options.challenge ?? challengeNewcomer;
    this.#membership = options.membership;
    this.#key = options.key;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#knockMs = options.knockMs ?? KNOCK_MS;
  }

  list(): Knock[] {
    return [...this.#pending].map(asKnock);
  }

  /**
   * Keeps a newcomer waiting until an admin answers, it leaves, or ten minutes are over.
   *
   * @param onWait called once it may wait
   * @throws VRIFT_MESH_FORBIDDEN, VRIFT_JOIN_REFUSED when it cannot wait here
   */
  async receive(
    talk: Conversation,
    socket: TLSSocket,
    spki: Buffer,
    frame: KnockFrame,
    onWait: (knock: Knock) => void,
  ): Promise<Verdict> {
    const node = nodeIdOf(spki);
    const address = socket.remoteAddress ?? '';
    this.#membership.assertMayAdd(node);
    this.#makeRoom(node, address);
    return new Promise((resolve) => {
      const pending: Pending = {
        node,
        name: frame.name,
        address,
        since: Date.now(),
        socket,
        spki,
        talk,
        commit: frame.commit,
        end: (verdict) => {
          this.#pending.delete(pending);
          clearTimeout(timer);
          resolve(verdict);
        },
      };
      const timer = setTimeout(() => pending.end({ kind: 'gone' }), this.#knockMs);
      this.#pending.add(pending);
      talk.extend(this.#knockMs + 1_000);
      socket.once('close', () => pending.end({ kind: 'gone' }));
      talk.send({ kind: 'waiting' });
      onWait(pending);
    });
  }

  /**
   * Admits the one newcomer whose screen shows this code. Each that waits is asked; none learns
   * the code by that, and none is admitted unless it is the only one that opens to it.
   *
   * @throws VRIFT_MESH_FORBIDDEN when this node is no admin, VRIFT_KNOCK_NONE when nobody waits
   *   with that code, VRIFT_KNOCK_FAILED when several answer to it, or codes are tried too fast
   */
  approve(code: string, role: Role): Promise<Knock> {
    const done = this.#turn.then(() => this.#approve(code, role));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /**
   * @param node a node id, its beginning or a name; undefined: everybody
   * @returns who was sent away
   * @throws VRIFT_USAGE when several are meant: names are free, and one of them may be the real one
   */
  deny(node: string | undefined): Knock[] {
    const all = [...this.#pending];
    const exact = all.filter((one) => one.node === node);
    const meant = (one: Pending) =>
      node === undefined || one.name === node || (node.length >= 4 && one.node.startsWith(node));
    const denied = exact.length > 0 ? exact : all.filter(meant);
    if (node !== undefined && denied.length > 1) {
      const list = denied.map((one) => `${one.node.slice(0, 12)} (${one.address})`).join(', ');
      throw new VriftError('VRIFT_USAGE', `${node} could be any of ${list}: give an id, or --all`);
    }
    for (const one of denied) one.end({ kind: 'refused', message: 'an admin denied it' });
    return denied.map(asKnock);
  }

  close(): void {
    for (const one of this.#pending) one.end({ kind: 'gone' });
  }

  async #approve(code: string, role: Role): Promise<Knock> {
    const waiting = [...this.#pending];
    this.#membership.assertMayAdd(this.#key.nodeId);
    if (waiting.length === 0)
      throw new VriftError('VRIFT_KNOCK_NONE', 'nobody knocks at this node');
    this.#count();
    const mesh = { membership: this.#membership, key: this.#key };
    const asked = await Promise.all(
      waiting.map(async (one) => ({ one, answer: await this.#challenge(one, code, mesh) })),
    );
    for (const { one, answer } of asked) {
      if (answer === 'fault') one.end({ kind: 'refused', message: 'it answered wrongly' });
    }
    const matches = asked.filter(({ answer }) => answer === 'opened').map(({ one }) => one);
    const [match, another] = matches;
    if (match === undefined) {
      const message = `none of the machines that knock here shows this code (${waiting.length} wait)`;
      throw new VriftError('VRIFT_KNOCK_NONE', message);
    }
    if (another !== undefined) {
      for (const one of matches)
        one.end({ kind: 'refused', message: 'several opened to one code' });
      throw new VriftError('VRIFT_KNOCK_FAILED', `${matches.length} machines answer to one code`);
    }
    // Others may have taken seconds to answer: it may have left, or been denied.
    if (!this.#pending.has(match) || match.socket.destroyed) {
      throw new VriftError('VRIFT_KNOCK_NONE', `${match.name} has gone meanwhile`);
    }
    this.#membership.add(match.spki, role, match.name);
    match.talk.send(welcomeTo(this.#membership));
    match.end({ kind: 'joined', role });
    return asKnock(match);
  }

  /** An old knock of the same key makes way: a newcomer that tries again has a new code. */
  #makeRoom(node: string, address: string): void {
    for (const one of this.#pending) {
      if (one.node === node) one.end({ kind: 'refused', message: 'it knocked again' });
    }
    const near = [...this.#pending].filter((one) => one.address === address);
    if (this.#pending.size < MAX_KNOCKS.total && near.length < MAX_KNOCKS.perAddress) return;
    throw new VriftError('VRIFT_JOIN_REFUSED', 'too many knock already');
  }

  /** Whoever could try codes at will might hit one. */
  #count(): void {
    const now = this.#monotonic();
    this.#approvals = this.#approvals.filter((at) => now - at < APPROVALS.everyMs);
    if (this.#approvals.length >= APPROVALS.count) {
      const message = `${APPROVALS.count} codes were tried within a minute: wait for one`;
      throw new VriftError('VRIFT_KNOCK_FAILED', message);
    }
    this.#approvals.push(now);
  }
}

function asKnock({ node, name, address, since }: Pending): Knock {
  return { node, name, address, since };
}
