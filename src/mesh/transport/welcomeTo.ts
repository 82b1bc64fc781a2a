import type { Membership } from '../../identity/membership.js';
import type { JoinAnswer } from '../../wire/join.js';

/** Everything that makes a newcomer a member; only for one that the roster admits by now. */
export function welcomeTo(membership: Membership): JoinAnswer {
  return {
    kind: 'welcome',
    genesis: membership.genesis.toString('base64'),
    statements: membership.statements().map((bytes) => bytes.toString('utf8')),
    secret: membership.secret.toString('base64'),
  };
}
