import { lstatSync, type Stats, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import type { ControlReply, ControlRequest } from './control.js';
import { errnoOf, isErrorCode, VriftError } from './failure.js';
import { encodeFrame, FrameDecoder } from './frame.js';
import { homePaths } from './home.js';

export interface AskOptions {
  /** Ends the wait; without it, the request may take as long as the node lives. */
  timeoutMs?: number;
  onProgress?: (message: string) => void;
  /** Somebody listens. */
  onConnect?: () => void;
}

/**
 * Asks the node of a home over its socket, one request a connection.
 *
 * @throws VRIFT_NODE_ABSENT when nothing listens, VRIFT_NODE_TIMEOUT when nothing answers, or
 *   whatever the node answered
 */
export async function ask(
  home: string,
  method: string,
  params: Record<string, unknown> = {},
  options: AskOptions = {},
): Promise<unknown> {
  const { run, socket: path } = homePaths(home);
  refuseForeignDirectory(run);
  const request: ControlRequest = { kind: 'rpc', method, params };
  return new Promise((resolve, reject) => {
    const decoder = new FrameDecoder();
    const socket = createConnection({ path });
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => finish(new VriftError('VRIFT_NODE_TIMEOUT', `the node did not answer ${method}`)),
            options.timeoutMs,
          );
    const finish = (error: unknown, result?: unknown) => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve(result);
      else reject(error);
    };
    socket.on('connect', () => {
      options.onConnect?.();
      socket.write(encodeFrame(request));
    });
    socket.on('data', (chunk) => {
      try {
        for (const frame of decoder.push(chunk)) settle(frame as ControlReply, options, finish);
      } catch (error) {
        finish(error);
      }
    });
    socket.on('error', (error) => finish(connectionError(error, home)));
    socket.on('close', () =>
      finish(new VriftError('VRIFT_NODE_ABSENT', `the node ended while it answered ${method}`)),
    );
  });
}

function settle(
  reply: ControlReply,
  options: AskOptions,
  finish: (error: unknown, result?: unknown) => void,
): void {
  if (reply.kind === 'progress') options.onProgress?.(reply.message);
  else if (reply.kind === 'result') finish(undefined, reply.result);
  else if (reply.kind === 'error' && isErrorCode(reply.code)) {
    finish(new VriftError(reply.code, reply.message));
  } else
    finish(new VriftError('VRIFT_FRAME_INVALID', 'the node gave an answer of another version'));
}

function connectionError(error: Error, home: string): VriftError {
  const errno = errnoOf(error);
  if (errno === 'ENOENT' || errno === 'ECONNREFUSED' || errno === 'ENOTDIR') {
    return new VriftError('VRIFT_NODE_ABSENT', `no node runs for ${home}`, { cause: error });
  }
  if (errno === 'ECONNRESET' || errno === 'EPIPE') {
    return new VriftError('VRIFT_NODE_ABSENT', 'the node ended before it answered', {
      cause: error,
    });
  }
  return new VriftError('VRIFT_HOME_UNUSABLE', `cannot reach the node of ${home}: ${errno}`, {
    cause: error,
  });
}

/** A socket where somebody else could have put it is nobody's node. */
function refuseForeignDirectory(run: string): void {
  const home = dirname(run);
  refuseShared(run, lstatSync(run, { throwIfNoEntry: false }));
  refuseShared(home, statSync(home, { throwIfNoEntry: false }));
}

function refuseShared(path: string, stat: Stats | undefined): void {
  if (stat === undefined) return;
  if (stat.uid !== process.getuid?.()) refuse(`${path} belongs to another user`);
  if ((stat.mode & 0o022) !== 0) refuse(`${path} is writable by others`);
}

function refuse(message: string): never {
  throw new VriftError('VRIFT_HOME_UNUSABLE', message);
}
