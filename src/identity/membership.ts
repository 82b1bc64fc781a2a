import { randomBytes } from 'node:crypto';
import { toVriftError, VriftError } from '../base/errors.js';
import { ensurePrivateDir } from './files.js';
import { makeGenesis } from './genesis.js';
import { Ledger } from './ledger.js';
import {
  assertAdmin,
  assertAdminRemains,
  assertFewKept,
  assertMayAdd,
  assertMayRevoke,
  keepListOf,
  type Member,
  membersOf,
} from './membershipRules.js';
import { MESH_SECRET_BYTES, readMesh, removeMesh, writeMesh, writeRoster } from './meshFiles.js';
import { forgetNextKey, NodeKey } from './nodeKey.js';
import { countingAddsBy } from './revocation.js';
import { type Role, strongestOf } from './roles.js';
import type { Add } from './roster.js';
import { nodeIdOf } from './spki.js';
import type { RecallTarget } from './statements.js';
import { type TrustFacts, trustFactsOf } from './trustFacts.js';
import { readWelcome, type Welcome } from './welcome.js';

export type { Welcome };

export interface RevokeOptions {
  /** Whether the nodes that it added stay. The add that our own role hangs on always does. */
  keepAdded: boolean;
  /** With `keepAdded`: only these adds of its, by statement id. Undefined: all. */
  among?: ReadonlySet<string>;
  /** Whether all that it produced is refused as well. */
  recall?: boolean;
  /** Also when no admin is left afterwards. */
  force?: boolean;
}

export interface LeaveOptions {
  /** Also when members stay behind without an admin. */
  force?: boolean;
  /** Tells other members before the files go. Should it fail, the node has left all the same. */
  announce?: () => Promise<unknown>;
}

/**
 * This node's mesh: its statements, and who belongs to it by them. One object per directory,
 * because it keeps the roster in memory. Every change is on disk before the call returns.
 */
export class Membership {
  /** Shared by all members, for mDNS tags only: it hides names from strangers, nothing more. */
  readonly secret: Buffer;
  readonly #dir: string;
  readonly #key: NodeKey;
  readonly #listeners = new Set<() => void>();
  #ledger: Ledger;

  private constructor(dir: string, key: NodeKey, secret: Buffer, ledger: Ledger) {
    this.#dir = dir;
    this.#key = key;
    this.secret = secret;
    this.#ledger = ledger;
  }

  /** @returns undefined when this node belongs to no mesh */
  static async open(dir: string, key: NodeKey): Promise<Membership | undefined> {
    ensurePrivateDir(dir);
    const mesh = readMesh(dir);
    if (mesh === undefined) return undefined;
    try {
      return new Membership(dir, key, mesh.secret, Ledger.of(mesh.genesis, mesh.statements));
    } catch (cause) {
      const why = toVriftError(cause).message;
      throw new VriftError('VRIFT_MESH_DAMAGED', `the roster in ${dir}: ${why}`, { cause });
    }
  }

  /**
   * Founds a mesh with this node as its admin. Names must satisfy `isName` (see `toName`).
   *
   * @throws VRIFT_MESH_MEMBER when this node belongs to one
   */
  static async create(
    dir: string,
    key: NodeKey,
    name: string,
    nodeName: string,
  ): Promise<Membership> {
    const current = await Membership.open(dir, key);
    if (current !== undefined) throw alreadyIn(current.name);
    const genesis = makeGenesis(key.spki, name, nodeName);
    const secret = randomBytes(MESH_SECRET_BYTES);
    writeMesh(dir, { genesis, secret, statements: [] });
    return new Membership(dir, key, secret, Ledger.of(genesis, []));
  }

  /**
   * Enters the mesh that a welcome describes. A mesh of this node alone is left for it, without
   * a trace; any object that stood for that one is void.
   *
   * @throws VRIFT_TOKEN_FOREIGN when the welcome is another mesh's; VRIFT_JOIN_REFUSED when its
   *   roster does not admit this node; VRIFT_MESH_MEMBER when this node belongs elsewhere.
   *   Nothing is kept then
   */
  static async accept(dir: string, key: NodeKey, welcome: Welcome): Promise<Membership> {
    const ledger = readWelcome(welcome, key.nodeId);
    const { genesis } = ledger;
    const { secret } = welcome;
    const current = await Membership.open(dir, key);
    if (current?.meshId === genesis.meshId) {
      current.merge(welcome.statements);
      return current;
    }
    if (current !== undefined && !current.isAlone) throw alreadyIn(current.name);
    // A crash between the two files must not leave one mesh's statements under another's genesis.
    if (current !== undefined) removeMesh(dir);
    writeMesh(dir, { genesis, secret, statements: ledger.statements() });
    return new Membership(dir, key, secret, ledger);
  }

  get meshId(): string {
    return this.#ledger.genesis.meshId;
  }

  /** What people call the mesh. */
  get name(): string {
    return this.#ledger.genesis.name;
  }

  /** The exact bytes whose hash is the mesh id. */
  get genesis(): Buffer {
    return this.#ledger.genesis.bytes;
  }

  /** Whether this node is the only member. */
  get isAlone(): boolean {
    return this.#ledger.roster.members.size === 1 && this.isMember(this.#key.nodeId);
  }

  isMember(nodeId: string): boolean {
    return this.#ledger.roster.members.has(nodeId);
  }

  /** Whether a revoke counts against this key: it can never be a member again. */
  isRevoked(nodeId: string): boolean {
    return this.#ledger.roster.revoked.has(nodeId);
  }

  /** The strongest role of a current member. */
  roleOf(nodeId: string): Role | undefined {
    return strongestOf(this.rolesOf(nodeId));
  }

  /** All roles of a current member; empty for anyone else. */
  rolesOf(nodeId: string): ReadonlySet<Role> {
    return this.#ledger.roster.members.get(nodeId)?.roles ?? new Set();
  }

  /** Current members first, then the revoked; by name. */
  members(): Member[] {
    return membersOf(this.#ledger.roster);
  }

  /** What decides on results, as plain data. */
  trustFacts(): TrustFacts {
    return trustFactsOf(this.meshId, this.#key.nodeId, this.#ledger.roster);
  }

  /** The adds by a node that count now: what its revoke keeps or drops. */
  addedBy(nodeId: string): Add[] {
    return countingAddsBy(this.#ledger.roster, nodeId);
  }

  /** All statements, verbatim: the whole closed set that peers merge. */
  statements(): Buffer[] {
    return this.#ledger.statements();
  }

  /** Equal on two nodes that hold the same statements. */
  rosterDigest(): string {
    return this.#ledger.digest();
  }

  /**
   * Takes in the whole set of another member.
   *
   * @returns whether anything was new
   * @throws VRIFT_PEER_INVALID, and keeps nothing, when no honest node sends such a set
   */
  merge(statements: readonly Buffer[]): boolean {
    return this.#keep(this.#ledger.merge(statements));
  }

  /** @throws VRIFT_MESH_FORBIDDEN when we are no admin, or the key was revoked once */
  assertMayAdd(nodeId: string): void {
    assertMayAdd(this.#ledger.roster, this.#key.nodeId, nodeId);
  }

  /** @throws VRIFT_MESH_FORBIDDEN when a revoke could not keep what this node added, and `more` */
  assertMayKeepAll(nodeId: string, more: number): void {
    assertFewKept(nodeId, this.addedBy(nodeId).length + more);
  }

  /**
   * Admits a node, given by id or SPKI. Saying the same twice changes nothing.
   *
   * @throws VRIFT_MESH_FORBIDDEN when we are no admin, or the key was revoked once
   */
  add(node: string | Buffer, role: Role, nodeName: string): void {
    const nodeId = typeof node === 'string' ? node : nodeIdOf(node);
    this.assertMayAdd(nodeId);
    if (this.addedBy(this.#key.nodeId).some((a) => a.node === nodeId && a.role === role)) return;
    const claim = { type: 'add', node: nodeId, role, name: nodeName } as const;
    this.merge([this.#ledger.draft(this.#key, claim).bytes]);
  }

  /**
   * Shuts a node out for ever.
   *
   * @throws VRIFT_MESH_FORBIDDEN when we may not, or when no admin would remain
   */
  revoke(nodeId: string, options: RevokeOptions): void {
    const { keepAdded, among, recall = false, force = false } = options;
    const self = this.#key.nodeId;
    assertMayRevoke(this.#ledger.roster, self, nodeId);
    const keep = keepListOf(this.#ledger, self, { node: nodeId, keepAdded, among });
    const claim = { type: 'revoke', node: nodeId, keep, recall } as const;
    const { statement, bytes } = this.#ledger.draft(this.#key, claim);
    if (!force) assertAdminRemains(this.#ledger, statement);
    this.merge([bytes]);
  }

  /**
   * Refuses results for ever although their signatures hold. Saying the same twice changes nothing.
   *
   * @throws VRIFT_MESH_FORBIDDEN when we are no admin
   */
  recall(target: RecallTarget): void {
    const { roster } = this.#ledger;
    assertAdmin(roster, this.#key.nodeId);
    const { nodes, toolchains, results } = roster.recalls;
    const said = { node: nodes, toolchain: toolchains, result: results }[target.kind];
    if (said.has(target.id)) return;
    this.merge([this.#ledger.draft(this.#key, { type: 'recall', target }).bytes]);
  }

  /**
   * Leaves the mesh and forgets it. A key that others have seen revoked is of no further use, so
   * it is destroyed: open the directory's `NodeKey` anew. This object is void afterwards.
   *
   * @throws VRIFT_MESH_FORBIDDEN when members would be left without an admin
   */
  async leave({ force = false, announce }: LeaveOptions = {}): Promise<void> {
    const self = this.#key.nodeId;
    try {
      if (this.isMember(self) && !this.isAlone) {
        this.revoke(self, { keepAdded: true, force });
        await announce?.();
      }
    } finally {
      if (!this.isMember(self) || this.isAlone) this.#forget();
    }
  }

  /** @returns a function that ends the listening */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #forget(): void {
    // In this order: a mesh whose member this key is not can still be left, a revoked key not replaced.
    forgetNextKey(this.#dir);
    if (this.isRevoked(this.#key.nodeId)) NodeKey.destroy(this.#dir);
    removeMesh(this.#dir);
  }

  #keep(ledger: Ledger): boolean {
    if (ledger === this.#ledger) return false;
    if (readMesh(this.#dir)?.genesis.meshId !== this.meshId) {
      throw new VriftError('VRIFT_MESH_NONE', 'this node has left that mesh');
    }
    writeRoster(this.#dir, ledger.statements());
    this.#ledger = ledger;
    for (const listener of this.#listeners) listener();
    return true;
  }
}

function alreadyIn(name: string): VriftError {
  return new VriftError('VRIFT_MESH_MEMBER', `this node belongs to the mesh ${name}`);
}
