import { VriftError } from '../base/errors.js';
import { type Envelope, parseEnvelope } from './envelope.js';
import type { Genesis } from './genesis.js';
import { groupBy } from './groupBy.js';
import { type Add, claimantsOf } from './roster.js';

/** Bytes of all envelopes of a mesh together. */
export const MAX_ROSTER_BYTES = 4 * 1024 * 1024;

/** Envelopes by statement id. */
export type StatementSet = ReadonlyMap<string, Envelope>;

/**
 * Reads what a peer or a file gave as a whole set.
 *
 * @throws VRIFT_PEER_INVALID when it is too big, holds something that is no statement of this
 *   version, or a statement of another mesh
 */
export function parseStatements(genesis: Genesis, statements: readonly Buffer[]): Envelope[] {
  const total = statements.reduce((sum, bytes) => sum + bytes.length, 0);
  if (total > MAX_ROSTER_BYTES) throw invalid(`a roster of ${total} bytes`);
  return statements.map((bytes) => {
    const envelope = parseEnvelope(bytes);
    if (envelope === undefined) throw invalid('a roster holds something that is no statement');
    if (envelope.statement.mesh !== genesis.meshId) throw invalid('a statement of another mesh');
    return envelope;
  });
}

/**
 * The union of two whole sets, without what nobody with a say signed (rule 2). Both being closed
 * — each holds the adds that its authors' say rests on — no order of meetings changes the end.
 *
 * @returns `own` itself when `incoming` adds nothing
 * @throws VRIFT_PEER_INVALID for a forged signature, or when the union exceeds 4 MiB
 */
export function closedUnion(
  genesis: Genesis,
  own: StatementSet,
  incoming: readonly Envelope[],
): StatementSet {
  const fresh = incoming.filter(({ statement }) => !own.has(statement.id));
  if (fresh.length === 0) return own;
  const union = new Map(own);
  const waiting = groupBy(fresh, ({ statement }) => statement.author);
  const ownAdds = [...own.values()].map(({ statement }) => statement).filter(isAdd);
  const claimants = claimantsOf(genesis, ownAdds);
  const known = new Set(ownAdds.map(({ node }) => node));

  // A set's iteration also visits the claimants that are found on the way.
  for (const claimant of claimants) {
    for (const envelope of waiting.get(claimant) ?? []) {
      accept(union, envelope);
      const { statement } = envelope;
      if (!isAdd(statement)) continue;
      known.add(statement.node);
      if (statement.role === 'admin') claimants.add(statement.node);
    }
    waiting.delete(claimant);
  }
  for (const envelope of [...waiting.values()].flat()) {
    if (isOwnFarewell(envelope, known)) accept(union, envelope);
  }

  const total = [...union.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (total > MAX_ROSTER_BYTES) throw invalid(`rosters that make ${total} bytes together`);
  return union.size === own.size ? own : union;
}

/**
 * Whether a node that never was an admin revokes itself. It has added nobody, so it has nothing
 * to keep; without this and the add before it, any key could fill the set.
 */
function isOwnFarewell({ statement }: Envelope, known: ReadonlySet<string>): boolean {
  if (statement.type !== 'revoke' || statement.author !== statement.node) return false;
  return known.has(statement.node) && statement.keep.length === 0;
}

/** Signatures are checked here, after it is clear that the author has a say at all. */
function accept(union: Map<string, Envelope>, envelope: Envelope): void {
  if (union.has(envelope.statement.id)) return;
  if (!envelope.isAuthentic()) throw invalid('a roster holds a forged signature');
  union.set(envelope.statement.id, envelope);
}

function isAdd(statement: Envelope['statement']): statement is Add {
  return statement.type === 'add';
}

function invalid(what: string): VriftError {
  return new VriftError('VRIFT_PEER_INVALID', `refused ${what}`);
}
