import { VriftError } from '../base/errors.js';
import { signStatement } from './envelope.js';
import type { Genesis } from './genesis.js';
import { hashId } from './ids.js';
import { closedUnion, MAX_ROSTER_BYTES, parseStatements, type StatementSet } from './merge.js';
import type { NodeKey } from './nodeKey.js';
import { evaluate, type Roster } from './roster.js';
import type { Claim, Statement } from './statements.js';

/** A mesh's statements and what they amount to. A value: every change makes a new one. */
export class Ledger {
  readonly genesis: Genesis;
  readonly roster: Roster;
  readonly #set: StatementSet;

  private constructor(genesis: Genesis, set: StatementSet) {
    this.genesis = genesis;
    this.#set = set;
    this.roster = evaluate(genesis, this.claims());
  }

  /** @throws VRIFT_PEER_INVALID as `merge` does */
  static of(genesis: Genesis, statements: readonly Buffer[]): Ledger {
    return new Ledger(genesis, new Map()).merge(statements);
  }

  /**
   * The union with another whole set.
   *
   * @returns this very ledger when nothing is new
   * @throws VRIFT_PEER_INVALID for a set that no honest node sends
   */
  merge(statements: readonly Buffer[]): Ledger {
    const incoming = parseStatements(this.genesis, statements);
    const union = closedUnion(this.genesis, this.#set, incoming);
    return union === this.#set ? this : new Ledger(this.genesis, union);
  }

  /** Signs a claim in this mesh, without adding it. */
  draft(key: NodeKey, claim: Claim): { statement: Statement; bytes: Buffer } {
    const envelope = signStatement(key, this.genesis.meshId, claim);
    const size = this.statements().reduce((sum, { length }) => sum + length, envelope.bytes.length);
    if (size > MAX_ROSTER_BYTES) {
      throw new VriftError('VRIFT_MESH_FORBIDDEN', 'the roster of this mesh is full: found anew');
    }
    return envelope;
  }

  /** The verbatim statements, in the order of their ids. */
  statements(): Buffer[] {
    return this.#sortedIds().map((id) => this.#set.get(id)!.bytes);
  }

  claims(): Statement[] {
    return [...this.#set.values()].map(({ statement }) => statement);
  }

  /** Equal on two nodes that hold the same statements, whatever the order they came in. */
  digest(): string {
    return hashId(Buffer.from(this.#sortedIds().join('\n')));
  }

  #sortedIds(): string[] {
    return [...this.#set.keys()].sort();
  }
}
