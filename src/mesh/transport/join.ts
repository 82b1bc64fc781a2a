/** Entering a mesh: the newcomer's side and the inviter's. */
export { type JoinOptions, joinWithToken } from './joinWithToken.js';
export { type KnockOptions, knock } from './knock.js';
export { type Knock, Knocks } from './knocks.js';
export { type JoinOutcome, type ServeJoinOptions, serveJoin } from './serveJoin.js';
