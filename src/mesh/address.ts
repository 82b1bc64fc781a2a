/** Where a node listens. */
export interface Address {
  host: string;
  port: number;
}

/** `10.0.0.7:7391`, `[fe80::1]:7391`: as people and logs read it, and as a map key. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.') || host.startsWith('::ffff:127.');
}

/** An IPv4 address of a dual-stack socket, as IPv4. */
export function plainHost(host: string): string {
  return host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : host;
}
