/** The secure transport as the rest of the mesh sees it. */
export { type ConnectOptions, connectSecure, type SecureConnection } from './connect.js';
export { feedHttp, type HttpDeadlines } from './httpDeadlines.js';
export { type ListenOptions, listenSecure, type SecureListener } from './listen.js';
export { LiveConnections } from './liveConnections.js';
export { type PeerKey, peerKeyOf } from './peerKey.js';
export { undiciConnector } from './undiciConnector.js';
