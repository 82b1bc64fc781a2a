import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.js';
import type { CallFrame, LauncherReport, NodeReply } from '../../src/wire/launcher.js';

export type Frame = CallFrame | LauncherReport;

/** One launcher's connection as a test sees it. */
export interface Caller {
  reply(message: NodeReply): void;
  /** Bytes that are no frame. */
  raw(bytes: Buffer): void;
  /** Like a node that is stopped: what is sent stays in the socket. */
  stopReading(): void;
  hangUp(): void;
}

type Script = (frame: Frame, caller: Caller) => void;

/** A node that answers each frame as the test says, and remembers what launchers sent. */
export class FakeNode implements AsyncDisposable {
  readonly frames: Frame[] = [];
  script: Script;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting: { kind: Frame['kind']; resolve: (frame: Frame) => void }[] = [];

  private constructor(script: Script) {
    this.script = script;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async listen(home: string, script: Script): Promise<FakeNode> {
    const node = new FakeNode(script);
    await new Promise<void>((resolve, reject) => {
      node.#server.once('error', reject);
      node.#server.listen(join(home, 'run', 'node.sock'), resolve);
    });
    return node;
  }

  /** The first frame of that kind, whether it is here already or still has to come. */
  async next<K extends Frame['kind']>(kind: K): Promise<Extract<Frame, { kind: K }>> {
    const here = this.frames.find((frame) => frame.kind === kind);
    const frame =
      here ?? (await new Promise<Frame>((resolve) => this.#waiting.push({ kind, resolve })));
    return frame as Extract<Frame, { kind: K }>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    const decoder = new FrameDecoder();
    const caller: Caller = {
      reply: (message) => socket.write(encodeFrame(message)),
      raw: (bytes) => socket.write(bytes),
      stopReading: () => socket.pause(),
      hangUp: () => socket.destroy(),
    };
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) => {
      for (const frame of decoder.push(chunk) as Frame[]) {
        this.frames.push(frame);
        this.#announce(frame);
        this.script(frame, caller);
      }
    });
  }

  #announce(frame: Frame): void {
    for (const waiting of this.#waiting.filter(({ kind }) => kind === frame.kind)) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve(frame);
    }
  }
}

/** Answers every call the same way. */
export function always(message: NodeReply): Script {
  return (frame, caller) => {
    if (frame.kind === 'call') caller.reply(message);
  };
}

/** Asks for one run of a shell script. */
export function runs(
  script: string,
  extra: Partial<Extract<NodeReply, { act: 'run' }>> = {},
): NodeReply {
  const argv = ['/bin/sh', '-c', script];
  return { act: 'run', argv, unmap: [], stat: [], mkdirs: [], ackMs: 0, ...extra };
}
