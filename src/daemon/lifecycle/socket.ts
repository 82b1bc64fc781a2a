import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { errnoOf, toVriftError, VriftError } from '../../base/errors.js';
import type { ControlReply } from '../../wire/control.js';
import { encodeFrame, FrameDecoder } from '../../wire/frame.js';
import type { CallFrame, ScriptFrame } from '../../wire/launcher.js';
import { type CallChannel, isCallFrame, isReport, LauncherChannel } from './call.js';
import { ended, errorReply, hangUp, LINGER_MS, removeStale, withinMs } from './connection.js';
import type { RpcCall } from './rpc.js';

export interface SocketHandlers {
  /** Ends when nothing more of this call is expected; what it throws lets the compiler run. */
  onCall(frame: CallFrame | ScriptFrame, channel: CallChannel): Promise<void>;
  onRpc(method: string, params: Record<string, unknown>, call: RpcCall): Promise<unknown>;
  /** Something went wrong on one connection; the others do not notice. */
  onProblem(error: VriftError): void;
}

/** A caller that has said nothing by then will not. */
const FIRST_FRAME_MS = 10_000;
const BACKLOG = 1024;

/** The socket of a node: one call or one request per connection. */
export class SocketServer {
  readonly #server: Server;
  readonly #handlers: SocketHandlers;
  readonly #sockets = new Set<Socket>();
  readonly #calls = new Map<Promise<void>, LauncherChannel>();
  readonly #requests = new Set<Promise<void>>();

  private constructor(server: Server, handlers: SocketHandlers) {
    this.#server = server;
    this.#handlers = handlers;
    server.on('connection', (socket) => this.#accept(socket));
    server.on('error', (error) => handlers.onProblem(toVriftError(error)));
  }

  /**
   * Listens where an earlier node may have left its socket: only the holder of the home's lock may
   * call this.
   *
   * @throws VRIFT_HOME_UNUSABLE
   */
  static async listen(path: string, handlers: SocketHandlers): Promise<SocketServer> {
    const server = createServer();
    try {
      removeStale(path);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ path, backlog: BACKLOG }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      chmodSync(path, 0o600);
    } catch (cause) {
      const why = errnoOf(cause) ?? String(cause);
      throw new VriftError('VRIFT_HOME_UNUSABLE', `cannot listen on ${path}: ${why}`, { cause });
    }
    return new SocketServer(server, handlers);
  }

  /** Calls that are not over. */
  get openCalls(): number {
    return this.#calls.size;
  }

  /** Gives calls `ms` to end whose launchers are done: only storing and counting is left. */
  async settle(ms: number): Promise<void> {
    // A launcher that has ended may have left its report where nobody has read it yet.
    await turn();
    await turn();
    const ending = [...this.#calls].filter(([, channel]) => channel.finished);
    await withinMs(
      ms,
      ending.map(([call]) => call),
    );
  }

  /** Accepts nobody any more, and gives open calls `ms` to end. */
  async drain(ms: number): Promise<void> {
    this.#server.close();
    await withinMs(ms, [...this.#calls.keys()]);
  }

  /** Lets callers without an answer go on without the node. */
  dismissCalls(): void {
    for (const channel of this.#calls.values()) {
      if (!channel.answered) channel.send({ act: 'pass' });
      channel.close();
    }
  }

  /** Ends every connection once what was written to it is sent. */
  async close(): Promise<void> {
    this.#server.close();
    this.dismissCalls();
    await withinMs(LINGER_MS, [...this.#requests, ...this.#calls.keys()]);
    await Promise.all([...this.#sockets].map(ended));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const decoder = new FrameDecoder();
    let receive = (frame: unknown): void => {
      socket.setTimeout(0);
      receive = this.#begin(socket, frame);
    };
    socket.setTimeout(FIRST_FRAME_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) => {
      try {
        for (const frame of decoder.push(chunk)) receive(frame);
      } catch (error) {
        this.#refuse(socket, toVriftError(error));
      }
    });
  }

  /** @returns what takes the frames after the first */
  #begin(socket: Socket, frame: unknown): (frame: unknown) => void {
    if (typeof frame === 'object' && frame !== null && 'kind' in frame) {
      if (isCallFrame(frame)) return this.#serveCall(socket, frame);
      if (frame.kind === 'rpc') return this.#serveRpc(socket, frame as Record<string, unknown>);
      if (frame.kind === 'call' || frame.kind === 'script') {
        socket.end(encodeFrame({ act: 'pass' }));
        this.#handlers.onProblem(
          new VriftError('VRIFT_FRAME_INVALID', 'a launcher of another version'),
        );
        return ignore;
      }
    }
    throw new VriftError('VRIFT_FRAME_INVALID', 'the first frame is neither a call nor a request');
  }

  #serveCall(socket: Socket, frame: CallFrame | ScriptFrame): (frame: unknown) => void {
    const channel = new LauncherChannel((reply) => {
      if (socket.writable) socket.write(encodeFrame(reply));
    });
    socket.on('close', () => channel.close());
    const call = this.#runCall(frame, channel).finally(() => {
      this.#calls.delete(call);
      hangUp(socket);
    });
    this.#calls.set(call, channel);
    return (report) => {
      if (!isReport(report) || !channel.receive(report)) {
        throw new VriftError('VRIFT_FRAME_INVALID', 'a launcher sent something else than a report');
      }
    };
  }

  async #runCall(frame: CallFrame | ScriptFrame, channel: LauncherChannel): Promise<void> {
    try {
      await this.#handlers.onCall(frame, channel);
    } catch (error) {
      this.#handlers.onProblem(toVriftError(error));
    }
    if (!channel.answered) channel.send({ act: 'pass' });
  }

  #serveRpc(socket: Socket, frame: Record<string, unknown>): (frame: unknown) => void {
    const { method, params } = frame;
    if (typeof method !== 'string' || typeof params !== 'object' || params === null) {
      throw new VriftError('VRIFT_FRAME_INVALID', 'a request without method or parameters');
    }
    const controller = new AbortController();
    socket.on('close', () => controller.abort());
    const send = (reply: ControlReply) => {
      if (socket.writable) socket.write(encodeFrame(reply));
    };
    const call: RpcCall = {
      progress: (message) => send({ kind: 'progress', message }),
      signal: controller.signal,
    };
    const request = this.#handlers
      .onRpc(method, { ...params }, call)
      .then((result) => send({ kind: 'result', result: result ?? null }))
      .catch((error) => send(errorReply(toVriftError(error))))
      .finally(() => {
        this.#requests.delete(request);
        hangUp(socket);
      });
    this.#requests.add(request);
    return ignore;
  }

  /** The stream cannot be understood from here on. */
  #refuse(socket: Socket, error: VriftError): void {
    this.#handlers.onProblem(error);
    socket.removeAllListeners('data');
    socket.resume();
    if (socket.writable) socket.write(encodeFrame(errorReply(error)));
    hangUp(socket);
  }
}

function ignore(): void {}
