import type { Digest } from '../base/digest.js';
import { VriftError } from '../base/errors.js';
import type { Attestation } from '../base/result.js';
import { linkSignals } from '../base/signals.js';
import { attest, checkAttestation } from '../identity/attestation.js';
import { chooseMember } from '../identity/chooseMember.js';
import { Invites } from '../identity/invites.js';
import { parseCode } from '../identity/knockCode.js';
import { Membership } from '../identity/membership.js';
import { toName } from '../identity/names.js';
import { NodeKey } from '../identity/nodeKey.js';
import type { Role } from '../identity/roles.js';
import { finishRotation, unfinishedRotation } from '../identity/rotation.js';
import type { RecallTarget } from '../identity/statements.js';
import { parseToken, splitAddress } from '../identity/token.js';
import type { Held as HeldResult } from '../identity/trust.js';
import type { TrustFacts } from '../identity/trustFacts.js';
import type {
  AddedByInfo,
  KnockInfo,
  MemberInfo,
  MeshInfo,
  PeerInfo,
  RevokedInfo,
} from '../wire/control.js';
import { addressText } from './address.js';
import { AddressBook } from './addressBook.js';
import type { WhyQuestion } from './askWhy.js';
import { type EnterWish, isThere, knockInSight } from './entering.js';
import type { EventSink, MeshEvent } from './events.js';
import type { Fetched } from './fetch.js';
import type { Blob } from './fetchBatch.js';
import type { Within } from './find.js';
import { hushed } from './hush.js';
import type { Held } from './offers.js';
import { ownAddresses } from './ownAddresses.js';
import type { Candidate } from './question.js';
import { addedByMember, type Fate, renewKey, revokeMember } from './revoking.js';
import { MeshSession, type SessionOptions, type WhyAnswer } from './session.js';
import { type JoinOptions, joinWithToken } from './transport/join.js';

const JOIN_TIMEOUT_MS = 10_000;
/** Where multicast works it finds everybody in this time, at the addresses of today. */
const MULTICAST_FIRST_MS = 2_000;
/** A heartbeat, and some more. */
const SPREAD_MS = 4_000;

export interface MeshNodeOptions
  extends Omit<SessionOptions, 'key' | 'nodeName' | 'membership' | 'invites'> {
  /** Holds key, roster and invitations; made when absent. */
  dir: string;
  /** Told whenever it changes who is believed about results; undefined: in no mesh. */
  onTrust?: (facts: TrustFacts | undefined) => void;
}

export interface MeshState {
  node: string;
  /** Null while this node belongs to no mesh. */
  mesh: (MeshInfo & { members: number; connected: number; knocks: KnockInfo[] }) | null;
  port: number | null;
  problems: { code: VriftError['code']; message: string; hint: string }[];
}

/** This machine in its mesh, or in none. Everything of it lives in one thread. */
export class MeshNode {
  readonly #options: MeshNodeOptions;
  readonly #name: string;
  readonly #invites: Invites;
  #key: NodeKey;
  #session: MeshSession | undefined;
  /** Ends the wait of a knock: a person who does something else does not wait for it any more. */
  #knocking = new AbortController();
  #rotating = false;
  /** Joining and leaving one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: MeshNodeOptions, key: NodeKey, invites: Invites) {
    this.#options = options;
    this.#name = toName(options.config.nodeName);
    this.#key = key;
    this.#invites = invites;
  }

  /**
   * Never fails for the network's sake: a port in use is a problem in `state`. No event comes
   * before this has returned.
   *
   * @throws VRIFT_MESH_DAMAGED, VRIFT_HOME_UNUSABLE
   */
  static async open(options: MeshNodeOptions): Promise<MeshNode> {
    const key = await finishRotation(options.dir, await NodeKey.open(options.dir));
    const early: MeshEvent[] = [];
    let onEvent: EventSink = (event) => void early.push(event);
    const told = { ...options, onEvent: hushed((event) => onEvent(event)) };
    const node = new MeshNode(told, key, await Invites.open(options.dir));
    const membership = await Membership.open(options.dir, key);
    if (membership) await node.#enter(membership);
    else options.onTrust?.(undefined);
    setImmediate(() => {
      onEvent = options.onEvent;
      for (const event of early) onEvent(event);
    });
    return node;
  }

  get nodeId(): string {
    return this.#key.nodeId;
  }

  /** Whether asking makes sense: a mesh, and at least one peer that answers. */
  get reachable(): boolean {
    return (this.#session?.peers.usable().length ?? 0) > 0;
  }

  async find(unitKey: Digest, within: Within): Promise<Candidate[]> {
    return (await this.#session?.finder.find(unitKey, within)) ?? [];
  }

  /** @throws VRIFT_MESH_NONE, VRIFT_PEER_UNKNOWN, VRIFT_PEER_AWAY, VRIFT_PEER_PROTOCOL */
  async why(peer: string, question: WhyQuestion): Promise<WhyAnswer> {
    return this.#require().why(peer, question);
  }

  /** What one peer has that may be preferred to results of ours. */
  async offers(node: string, held: readonly Held[]): Promise<Candidate[]> {
    return (await this.#session?.offers(node, held)) ?? [];
  }

  /** What one peer used after a unit, in the order of use. */
  async unitsAfter(node: string, unitKey: Digest): Promise<Digest[]> {
    return (await this.#session?.unitsAfter(node, unitKey)) ?? [];
  }

  /** What one peer has for unit keys. */
  async resultsOf(node: string, unitKeys: readonly Digest[]): Promise<Candidate[]> {
    return (await this.#session?.resultsOf(node, unitKeys)) ?? [];
  }

  fetch(
    candidate: Pick<Candidate, 'holders'>,
    need: readonly Blob[],
    within: Within,
  ): Promise<Fetched | undefined> {
    return this.#session?.fetcher.fetch(candidate, need, within) ?? Promise.resolve(undefined);
  }

  /**
   * The attestations that hold in the present mesh, with this node's own for what it compiled
   * itself: results from before it joined are vouched for as well.
   */
  vouch(
    attestations: readonly Attestation[],
    own: { resultKey: Digest; resultDigest: Digest } | undefined,
  ): Attestation[] {
    const session = this.#session;
    if (session === undefined) return [];
    const { meshId, trust } = session;
    const valid = attestations.filter(
      (entry) => !trust.isRecalledNode(entry.signer) && checkAttestation(entry, session) === 'ok',
    );
    if (own === undefined || valid.some(({ signer }) => signer === this.nodeId)) return valid;
    if (!trust.mayVouch(this.nodeId) || trust.isRecalledNode(this.nodeId)) return valid;
    return [...valid, attest(this.#key, { mesh: meshId, at: Date.now(), ...own })];
  }

  /** Whether a result of the store was recalled: nobody is told of it. */
  isRecalled(held: HeldResult): boolean {
    return this.#session?.trust.isRecalled(held) ?? false;
  }

  /**
   * Refuses results in the whole mesh, for ever. A node is given by name or by the start of its id.
   *
   * @returns what the statement names
   * @throws VRIFT_MESH_NONE, VRIFT_MESH_FORBIDDEN, VRIFT_USAGE
   */
  recall({ kind, id }: RecallTarget): RecallTarget {
    const { membership } = this.#require();
    const target = {
      kind,
      id: kind === 'node' ? chooseMember(membership.members(), id, true).node : id,
    };
    membership.recall(target);
    return target;
  }

  peers(): PeerInfo[] {
    return this.#session?.peers.infos() ?? [];
  }

  /** Current members first. */
  members(): MemberInfo[] {
    return this.#require()
      .membership.members()
      .map(({ node, name, role, addedBy, revoked }) => ({ node, name, role, addedBy, revoked }));
  }

  state(): MeshState {
    const session = this.#session;
    const unfinished = this.#rotating ? undefined : unfinishedRotation(this.#options.dir);
    const problems = [session?.problem, unfinished].filter((problem) => problem !== undefined);
    return {
      node: this.nodeId,
      mesh: session
        ? {
            ...this.#info(session.membership),
            members: session.membership.members().filter(({ revoked }) => !revoked).length,
            connected: session.peers.connected,
            knocks: session.knocks.list(),
          }
        : null,
      port: session?.port ?? null,
      problems: problems.map(({ code, message, hint }) => ({ code, message, hint })),
    };
  }

  /** @throws VRIFT_MESH_MEMBER */
  create(name: string): Promise<MeshInfo> {
    return this.#alone(() => this.#found(name));
  }

  /** @throws VRIFT_MESH_NONE, VRIFT_MESH_FORBIDDEN, VRIFT_PORT_IN_USE */
  invite({ role, ttlMs }: { role: Role; ttlMs: number }): { token: string; expiresAt: number } {
    const { membership, port, problem } = this.#require();
    if (membership.roleOf(this.nodeId) !== 'admin') {
      throw new VriftError('VRIFT_MESH_FORBIDDEN', 'only an admin invites');
    }
    if (port === null) throw problem ?? new VriftError('VRIFT_PORT_IN_USE', 'nothing listens');
    const { config } = this.#options;
    const { host } = config;
    const addresses = host === undefined ? ownAddresses(port) : [addressText({ host, port })];
    const { meshId } = membership;
    return this.#invites.issue({ meshId, inviter: this.nodeId, role, ttlMs, addresses });
  }

  /** Redeems a token. A mesh of this node alone is left for the new one. */
  join(token: string, signal?: AbortSignal): Promise<MeshInfo> {
    return this.#alone(async () => {
      const current = this.#session?.membership;
      const { meshId, inviter, addresses } = parseToken(token);
      if (current?.meshId === meshId && current.isMember(this.nodeId)) return this.#info(current);
      const membership = await joinWithToken(token, this.#joinOptions(signal));
      return this.#move(
        membership,
        addresses.map((address) => ({ node: inviter, ...splitAddress(address) })),
      );
    });
  }

  /**
   * Joins without a token: founds a mesh where no node is in sight, else knocks at the one that is.
   *
   * @throws VRIFT_MESH_MEMBER, and what `knockInSight` throws
   */
  enter(wish: EnterWish): Promise<MeshInfo & { via: 'founded' | 'approved' | 'member' }> {
    return this.#alone(async (ended) => {
      using stop = linkSignals([wish.signal, ended]);
      const { signal } = stop;
      const current = this.#session?.membership;
      const here = () => current && { ...this.#info(current), via: 'member' as const };
      if (isThere(current, wish.mesh)) return here() as NonNullable<ReturnType<typeof here>>;
      const { config, onEvent } = this.#options;
      const entered = await knockInSight(wish, {
        key: this.#key,
        config,
        join: this.#joinOptions(signal),
        current,
        signal,
        onProblem: (message) => onEvent({ kind: 'discovery', message }),
      });
      if (entered === undefined) {
        return here() ?? { ...(await this.#found(wish.mesh ?? 'mesh')), via: 'founded' };
      }
      return { ...(await this.#move(entered.membership, entered.doors)), via: 'approved' };
    });
  }

  /** @throws VRIFT_MESH_NONE, and what `Knocks.approve` throws */
  approve(code: string, role: Role): Promise<KnockInfo> {
    const parsed = parseCode(code);
    if (parsed === undefined) {
      throw new VriftError('VRIFT_USAGE', 'a code has eight letters and digits, like 4F7K-9QXM');
    }
    return this.#require().knocks.approve(parsed, role);
  }

  /** Sends newcomers away: one by name or id, or all. */
  deny(node: string | undefined): KnockInfo[] {
    return this.#require().knocks.deny(node);
  }

  knocks(): KnockInfo[] {
    return this.#require().knocks.list();
  }

  /** @throws VRIFT_MESH_NONE, VRIFT_USAGE */
  added(wanted: string): AddedByInfo {
    return addedByMember(this.#require().membership, wanted);
  }

  /** @throws VRIFT_MESH_NONE, and what `revokeMember` throws */
  revoke(
    wanted: string,
    options: Fate & { recall: boolean; force: boolean },
  ): Promise<RevokedInfo> {
    return this.#alone(async () => {
      const session = this.#require();
      const { membership } = session;
      const spread = () => session.spread(SPREAD_MS);
      return revokeMember({ membership, self: this.nodeId, spread }, wanted, options);
    });
  }

  /**
   * Gives this node a new key, for an old one that somebody may have copied. Its place in the mesh
   * and those whom it added stay; its open invitations are void.
   *
   * @throws VRIFT_MESH_NONE, and what `renewKey` throws
   */
  rotate(): Promise<MeshInfo> {
    return this.#alone(async () => {
      const session = this.#require();
      const { dir } = this.#options;
      this.#rotating = true;
      try {
        await renewKey(session.membership, {
          dir,
          self: this.nodeId,
          name: this.#name,
          invites: this.#invites,
          spread: () => session.spread(SPREAD_MS),
        });
      } finally {
        this.#rotating = false;
      }
      this.#session = undefined;
      await session.close();
      this.#key = await NodeKey.open(dir);
      const renewed = await Membership.open(dir, this.#key);
      if (renewed !== undefined) await this.#enter(renewed);
      return this.#info(this.#require().membership);
    });
  }

  /**
   * Leaves the mesh; others learn it if any is connected. This node gets a new key when its old
   * one was revoked by that.
   *
   * @throws VRIFT_MESH_NONE, VRIFT_MESH_FORBIDDEN when members would be left without an admin
   */
  leave({ force = false }: { force?: boolean } = {}): Promise<void> {
    return this.#alone(async () => {
      const session = this.#require();
      await session.membership.leave({ force, announce: () => session.spread(SPREAD_MS) });
      this.#invites.void(session.membership.meshId);
      this.#session = undefined;
      this.#options.onTrust?.(undefined);
      await session.close();
      this.#key = await NodeKey.open(this.#options.dir);
    });
  }

  /** Lets transfers end within a grace. */
  close(): Promise<void> {
    return this.#alone(async () => {
      const session = this.#session;
      this.#session = undefined;
      await session?.close();
    });
  }

  async #found(name: string): Promise<MeshInfo> {
    const { dir } = this.#options;
    const meshName = toName(name, 'mesh');
    const membership = await Membership.create(dir, this.#key, meshName, this.#name);
    await this.#enter(membership);
    return this.#info(membership);
  }

  #joinOptions(signal: AbortSignal | undefined): JoinOptions {
    return {
      dir: this.#options.dir,
      key: this.#key,
      nodeName: this.#name,
      timeoutMs: JOIN_TIMEOUT_MS,
      ...(signal && { signal }),
    };
  }

  /** @param met members that listen there: where multicast does not work, nobody else is known */
  async #move(
    membership: Membership,
    met: readonly { node: string; host: string; port: number }[],
  ): Promise<MeshInfo> {
    await this.#session?.close();
    await this.#enter(membership);
    for (const { node, host, port } of met) this.#session?.peers.introduce(node, host, port);
    return this.#info(membership);
  }

  async #enter(membership: Membership): Promise<void> {
    const book = new AddressBook(this.#options.dir);
    const session = await MeshSession.open({
      ...this.#options,
      onEvent: (event) => {
        if (event.kind === 'peer-up') book.note(event.node, event.address);
        this.#options.onEvent(event);
      },
      key: this.#key,
      nodeName: this.#name,
      membership,
      invites: this.#invites,
    });
    this.#session = session;
    const { onTrust } = this.#options;
    onTrust?.(membership.trustFacts());
    if (onTrust) membership.onChange(() => onTrust(membership.trustFacts()));
    const remember = () => {
      if (this.#session !== session) return;
      for (const { node, host, port } of book.entries()) {
        const met = session.peers.get(node) !== undefined;
        if (!met && membership.isMember(node)) session.peers.introduce(node, host, port);
      }
    };
    setTimeout(remember, MULTICAST_FIRST_MS).unref();
  }

  #require(): MeshSession {
    if (this.#session) return this.#session;
    throw new VriftError('VRIFT_MESH_NONE', 'this node belongs to no mesh');
  }

  #info(membership: Membership): MeshInfo {
    const { meshId, name } = membership;
    const role = membership.roleOf(this.nodeId) ?? 'none';
    return { mesh: meshId, name, node: this.nodeId, role };
  }

  /** Whatever comes ends a knock that still waits. */
  #alone<T>(work: (ended: AbortSignal) => Promise<T>): Promise<T> {
    this.#knocking.abort(new VriftError('VRIFT_KNOCK_UNANSWERED', 'another command came'));
    const own = new AbortController();
    this.#knocking = own;
    const done = this.#turn.then(() => work(own.signal));
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
