/** The secure transport as the rest of the mesh sees it. */
export { type ConnectOptions, connectSecure, type SecureConnection } from './connect.js';
export { type ListenOptions, listenSecure, type SecureListener } from './listen.js';
export { undiciConnector } from './undiciConnector.js';
