import type { ErrorCode } from '../base/errors.js';
import type { PeerInfo } from '../wire/control.js';

/** What the mesh tells whoever runs it: for the log, for counters; plain data. */
export type MeshEvent =
  | { kind: 'listening'; port: number }
  | { kind: 'peer-up'; node: string; name: string; address: string; via: PeerInfo['via'] }
  | { kind: 'peer-down'; node: string; name: string; reason: string }
  /** Whether asking peers makes sense has changed. */
  | { kind: 'reachable'; reachable: boolean }
  /** The membership statements have changed. */
  | { kind: 'roster'; members: number }
  /** A newcomer waits for an admin. */
  | { kind: 'knock'; node: string; name: string; address: string }
  | { kind: 'join-accepted'; node: string; name: string; role: string }
  | { kind: 'join-refused'; node: string; code: ErrorCode; message: string }
  /** Strangers cause so many of these that this many were not told one by one. */
  | { kind: 'hushed'; of: 'knock' | 'join-refused'; count: number }
  /** A peer's fault (VRIFT_PEER_PROTOCOL, VRIFT_PEER_INVALID); counted under its code. */
  | { kind: 'peer-fault'; code: ErrorCode; node: string; name: string; message: string }
  /** A question ended without a result, and without the answer of these peers. */
  | { kind: 'late'; peers: string[] }
  /** Something of this machine that vrift works around. */
  | { kind: 'problem'; code: ErrorCode; message: string }
  /** Multicast does not work somewhere; other ways to find peers may. */
  | { kind: 'discovery'; message: string };

export type EventSink = (event: MeshEvent) => void;
