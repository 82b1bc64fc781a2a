import { VriftError } from '../base/errors.js';
import { parseGenesis } from './genesis.js';
import { Ledger } from './ledger.js';
import { MESH_SECRET_BYTES } from './meshFiles.js';

/** What an inviter hands to a newcomer. `meshId` is the one it expects, not one it was told. */
export interface Welcome {
  meshId: string;
  genesis: Buffer;
  statements: Buffer[];
  /** For mDNS tags, 32 bytes. */
  secret: Buffer;
}

/**
 * Checks that a welcome leads into the mesh that was asked for, and that its roster admits this
 * node.
 *
 * @throws VRIFT_TOKEN_FOREIGN, VRIFT_JOIN_REFUSED, VRIFT_PEER_INVALID
 */
export function readWelcome(welcome: Welcome, nodeId: string): Ledger {
  const genesis = parseGenesis(welcome.genesis);
  if (genesis === undefined || genesis.meshId !== welcome.meshId) {
    throw new VriftError('VRIFT_TOKEN_FOREIGN', 'the welcome belongs to another mesh');
  }
  if (welcome.secret.length !== MESH_SECRET_BYTES) {
    throw new VriftError('VRIFT_PEER_INVALID', 'the welcome holds no mesh secret');
  }
  const ledger = Ledger.of(genesis, welcome.statements);
  if (!ledger.roster.members.has(nodeId)) {
    throw new VriftError('VRIFT_JOIN_REFUSED', 'the welcome does not admit this node');
  }
  return ledger;
}
