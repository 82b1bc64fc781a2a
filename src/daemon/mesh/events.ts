import type { ErrorCode } from '../../base/errors.js';
import type { MeshEvent } from '../../mesh/events.js';

/** A line for the log, and the code that it is counted under. */
export interface LogLine {
  level: 'info' | 'warn' | 'error';
  code: ErrorCode | undefined;
  columns: (string | number)[];
}

/** What the mesh reports, columns first. */
export function columnsOf(event: MeshEvent): LogLine {
  const info = (...columns: LogLine['columns']): LogLine => ({
    level: 'info',
    code: undefined,
    columns,
  });
  const warn = (code: ErrorCode | undefined, ...columns: LogLine['columns']): LogLine => ({
    level: 'warn',
    code,
    columns,
  });
  switch (event.kind) {
    case 'listening':
      return info('listen', `port=${event.port}`);
    case 'peer-up':
      return info('peer+', short(event.node), event.name, event.address, event.via);
    case 'peer-down':
      return info('peer-', short(event.node), event.name, event.reason);
    case 'reachable':
      return info('reach', event.reachable ? 'yes' : 'no');
    case 'roster':
      return info('roster', `members=${event.members}`);
    case 'knock':
      return info('knock', short(event.node), event.name, event.address);
    case 'join-accepted':
      return info('join', short(event.node), event.name, event.role);
    case 'join-refused':
      return warn(event.code, 'join', short(event.node), event.code, event.message);
    case 'hushed':
      return warn(undefined, event.of === 'knock' ? 'knock' : 'join', `not-listed=${event.count}`);
    case 'peer-fault':
      return warn(event.code, 'peer', short(event.node), event.name, event.code, event.message);
    case 'late':
      return info('late', ...event.peers.map(short));
    case 'problem':
      return warn(event.code, 'mesh', event.code, event.message);
    case 'discovery':
      return warn(undefined, 'mdns', event.message);
    default:
      return event satisfies never;
  }
}

function short(node: string): string {
  return node.slice(0, 8);
}
