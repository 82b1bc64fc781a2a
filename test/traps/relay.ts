import { rename } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.js';
import type { CallFrame, LauncherReport, NodeReply } from '../../src/wire/launcher.js';
import type { Developer } from '../harness/developer.js';

export type Passing = CallFrame | LauncherReport | NodeReply;

/** What becomes of a frame: all of it goes on, or half of it and then nothing any more. */
export type Fate = 'whole' | 'half';

/** Seen before a frame goes on; whatever it does happens exactly then. */
export type Hook = (frame: Passing) => Fate | Promise<Fate>;

/**
 * Stands between the launchers of a developer and the running node, at the node's own place: a
 * test can act in the middle of a conversation without guessing when that is.
 */
export class Relay implements AsyncDisposable {
  readonly #behind: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #hook: Hook = () => 'whole';

  private constructor(behind: string) {
    this.#behind = behind;
    this.#server = createServer((launcher) => this.#join(launcher));
  }

  /** The node has to run, and keeps its socket under another name. */
  static async before(developer: Developer): Promise<Relay> {
    const front = join(developer.vriftHome, 'run', 'node.sock');
    const relay = new Relay(`${front}.real`);
    await rename(front, `${front}.real`);
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject);
      relay.#server.listen(front, resolve);
    });
    return relay;
  }

  /** Acts on the first such frame; later ones go on as they are. */
  once(isMeant: (frame: Passing) => boolean, act: Hook): void {
    this.#hook = (frame) => {
      if (!isMeant(frame)) return 'whole';
      this.#hook = () => 'whole';
      return act(frame);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(launcher: Socket): void {
    const node = createConnection(this.#behind);
    this.#carry(launcher, node);
    this.#carry(node, launcher);
  }

  /** One direction; an end on either side ends both. */
  #carry(from: Socket, to: Socket): void {
    const decoder = new FrameDecoder();
    let passed = Promise.resolve();
    this.#sockets.add(from);
    from.on('data', (chunk) => {
      const frames = decoder.push(chunk) as Passing[];
      for (const frame of frames) passed = passed.then(() => this.#pass(frame, to));
    });
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      void passed.then(() => to.destroySoon());
    });
  }

  async #pass(frame: Passing, to: Socket): Promise<void> {
    const bytes = encodeFrame(frame);
    const fate = await this.#hook(frame);
    if (to.destroyed) return;
    if (fate === 'whole') to.write(bytes);
    else to.end(bytes.subarray(0, bytes.length / 2));
  }
}

/** Whether a frame is that answer of the node; those to questions of cargo put nothing in place. */
export const answers =
  (act: NodeReply['act']) =>
  (frame: Passing): boolean =>
    'act' in frame && frame.act === act && !(frame.act === 'hit' && frame.ops.length === 0);
