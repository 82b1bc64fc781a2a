/** What a release is called; the test suite compares it with package.json. */
export const VERSION = '0.1.0';

/** Peers with another number are shown as `incompatible` and never asked. */
export const MESH_PROTOCOL = 2;
