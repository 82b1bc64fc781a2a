/** A peer sent what no sound node sends. Everything else that goes wrong is the network's. */
export class PeerFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PeerFault';
  }
}

/** It has no such route: an older version, or none of ours. */
export class RouteMissing extends PeerFault {}

/** The own disk failed while something was received: nobody else's fault, and no use asking on. */
export class DiskFault extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'DiskFault';
  }
}
