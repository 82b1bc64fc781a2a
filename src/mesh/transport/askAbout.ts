import { isId } from '../../identity/ids.js';
import { isName } from '../../identity/names.js';
import type { NodeKey } from '../../identity/nodeKey.js';
import { hasExactly } from '../../identity/strictJson.js';
import {
  type AboutFrame,
  ALPN_JOIN,
  type AskFrame,
  JOIN_PROTOCOL,
  MAX_JOIN_FRAME_BYTES,
} from '../../wire/join.js';
import { connectSecure } from './connect.js';
import { Conversation } from './conversation.js';

/** What a node says of itself, and the id that its key proves. */
export interface About extends Omit<AboutFrame, 'kind'> {
  nodeId: string;
}

/** Asks whatever listens there which mesh it is of; undefined when it does not say so in time. */
export async function askAbout(options: {
  host: string;
  port: number;
  key: NodeKey;
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<About | undefined> {
  try {
    const { timeoutMs } = options;
    const { socket, nodeId } = await connectSecure({
      ...options,
      alpn: ALPN_JOIN,
      expect: () => true,
    });
    using talk = new Conversation(socket, {
      maxBytes: MAX_JOIN_FRAME_BYTES,
      deadlineMs: timeoutMs,
    });
    talk.send({ kind: 'ask', v: JOIN_PROTOCOL } satisfies AskFrame);
    const frame = await talk.next();
    if (!hasExactly(frame, ['kind', 'mesh', 'name', 'admin'])) return undefined;
    const { kind, mesh, name, admin } = frame;
    if (kind !== 'about' || !isId(mesh) || !isName(name)) return undefined;
    return typeof admin === 'boolean' ? { mesh, name, admin, nodeId } : undefined;
  } catch {
    return undefined;
  }
}
