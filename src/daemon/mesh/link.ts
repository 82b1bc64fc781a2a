import { Worker } from 'node:worker_threads';
import type { Digest } from '../../base/digest.js';
import { type ErrorCode, VriftError } from '../../base/errors.js';
import type { RecallTarget } from '../../identity/statements.js';
import type { TrustFacts } from '../../identity/trustFacts.js';
import type { WhyQuestion } from '../../mesh/askWhy.js';
import type { MeshState } from '../../mesh/node.js';
import type { WhyAnswer } from '../../mesh/session.js';
import type { Candidate, MeshPort } from '../../pipeline/ports.js';
import type { MemberInfo, PeerInfo } from '../../wire/control.js';
import {
  flagParam,
  optionalFlag,
  optionalNumber,
  optionalText,
  optionalTexts,
  type RpcCall,
  type RpcTable,
  textParam,
} from '../lifecycle/rpc.js';
import { columnsOf, type LogLine } from './events.js';
import type { MeshRequest, WorkerMessage, WorkerStart } from './messages.js';

export interface LinkOptions extends WorkerStart {
  onLine(line: LogLine): void;
  /** Content bytes that went to a peer. */
  onSent(bytes: number): void;
  /** A peer's answer would have been needed, and was not waited for any longer. */
  onLate(): void;
  /** A peer was met, or is gone. */
  onPeer(node: string, state: 'up' | 'down'): void;
  /** Who is believed about results has changed; undefined: this node is in no mesh. */
  onTrust(facts: TrustFacts | undefined, revision: number): void;
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: Error): void;
  progress?(message: string): void;
}

const DEFAULT_TTL_MS = 15 * 60_000;

/** Beyond a deadline, for the way between the threads: at most as long again. */
const GRACE_MS = 250;

/** What nobody waits for yet. */
const AHEAD_MS = 10_000;

/** Several questions, each with a deadline of its own. */
const OFFERS_MS = 120_000;

/** The main thread's end of the mesh. When the thread dies, builds go on without peers. */
export class MeshLink implements MeshPort {
  readonly #worker: Worker;
  readonly #options: LinkOptions;
  readonly #waiting = new Map<number, Waiter>();
  #last = 0;
  #state: MeshState | undefined;
  #gone: VriftError | undefined;
  #ready: (state: MeshState) => void = () => {};
  readonly #opened: Promise<MeshState>;

  private constructor(options: LinkOptions) {
    const { identityDir, storePath, mesh, portChosen } = options;
    const workerData: WorkerStart = { identityDir, storePath, mesh, portChosen };
    this.#options = options;
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
    this.#opened = new Promise((resolve) => {
      this.#ready = resolve;
    });
    this.#worker.on('message', (message: WorkerMessage) => this.#receive(message));
    this.#worker.on('error', (error) => this.#lose(error));
    this.#worker.on('exit', () => this.#lose(new Error('the mesh thread ended')));
  }

  /** Starts the thread and does not wait for it: builds need no mesh. */
  static open(options: LinkOptions): MeshLink {
    return new MeshLink(options);
  }

  get node(): string {
    return this.#state?.node ?? '';
  }

  get port(): number | null {
    return this.#state?.port ?? null;
  }

  get reachable(): boolean {
    return this.#gone === undefined && (this.#state?.mesh?.connected ?? 0) > 0;
  }

  /** Resolves with the state when the mesh is open, or has failed to. */
  async opened(): Promise<MeshState> {
    return this.#opened;
  }

  async find(
    unitKey: Parameters<MeshPort['find']>[0],
    { deadlineMs, hasty = false }: Parameters<MeshPort['find']>[1],
  ) {
    const request: MeshRequest = { method: 'find', unitKey, deadlineMs, hasty };
    return ((await this.#patient(request, deadlineMs)) as Candidate[] | undefined) ?? [];
  }

  async fetch(
    candidate: Candidate,
    need: Parameters<MeshPort['fetch']>[1],
    { deadlineMs }: { deadlineMs: number },
  ) {
    const request: MeshRequest = { method: 'fetch', candidate, need, deadlineMs };
    return (await this.#patient(request, deadlineMs)) as Awaited<ReturnType<MeshPort['fetch']>>;
  }

  /** What one peer has that may be preferred to the results of these keys. */
  async offers(node: string, resultKeys: Digest[]): Promise<Candidate[]> {
    const found = await this.#patient({ method: 'offers', node, resultKeys }, OFFERS_MS);
    return (found as Candidate[] | undefined) ?? [];
  }

  async unitsAfter(node: string, unitKey: Digest): Promise<Digest[]> {
    const keys = await this.#patient({ method: 'unitsAfter', node, unitKey }, AHEAD_MS);
    return (keys as Digest[] | undefined) ?? [];
  }

  async resultsOf(node: string, unitKeys: Digest[]): Promise<Candidate[]> {
    const found = await this.#patient({ method: 'resultsOf', node, unitKeys }, AHEAD_MS);
    return (found as Candidate[] | undefined) ?? [];
  }

  async state(): Promise<MeshState> {
    await this.#opened;
    if (this.#gone === undefined) return (await this.#ask({ method: 'state' })) as MeshState;
    const { code, message, hint } = this.#gone;
    return { node: this.node, mesh: null, port: null, problems: [{ code, message, hint }] };
  }

  /** @returns what the statement names @throws what `MeshNode.recall` throws */
  async recall(target: RecallTarget): Promise<RecallTarget> {
    await this.#opened;
    return (await this.#ask({ method: 'recall', target })) as RecallTarget;
  }

  async members(): Promise<MemberInfo[]> {
    await this.#opened;
    return (await this.#ask({ method: 'members' })) as MemberInfo[];
  }

  /** Nothing that was recalled up to that revision is in the store any more. */
  swept(revision: number): void {
    this.#ask({ method: 'swept', revision }).catch(() => undefined);
  }

  /** @param peer a name, or the beginning of a node id @throws what `MeshNode.why` throws */
  async why(peer: string, question: WhyQuestion): Promise<WhyAnswer> {
    await this.#opened;
    return (await this.#ask({ method: 'why', peer, question })) as WhyAnswer;
  }

  async peers(): Promise<PeerInfo[]> {
    await this.#opened;
    return (await this.#ask({ method: 'peers' })) as PeerInfo[];
  }

  /** The `mesh.…` methods of the control socket. */
  methods(): RpcTable {
    const ask = async (request: MeshRequest, call?: RpcCall) => {
      await this.#opened;
      const value = await this.#ask(request, call);
      this.#state = await this.state();
      return value;
    };
    return {
      'mesh.create': (params) =>
        ask({ method: 'create', name: optionalText(params, 'name') ?? 'mesh' }),
      'mesh.invite': (params) =>
        ask({
          method: 'invite',
          role: optionalText(params, 'role') ?? 'member',
          ttlMs: optionalNumber(params, 'ttlMs') ?? DEFAULT_TTL_MS,
        }),
      'mesh.join': (params) => ask({ method: 'join', token: textParam(params, 'token') }),
      'mesh.enter': (params, call) =>
        ask({ method: 'enter', mesh: optionalText(params, 'mesh') }, call),
      'mesh.approve': (params) =>
        ask({
          method: 'approve',
          code: textParam(params, 'code'),
          role: optionalText(params, 'role') ?? 'member',
        }),
      'mesh.deny': (params) => ask({ method: 'deny', node: optionalText(params, 'node') }),
      'mesh.knocks': () => ask({ method: 'knocks' }),
      'mesh.revoke': (params) =>
        ask({
          method: 'revoke',
          node: textParam(params, 'node'),
          keepAdded: optionalFlag(params, 'keepAdded'),
          shown: optionalTexts(params, 'shown'),
          recall: flagParam(params, 'recall'),
          force: flagParam(params, 'force'),
        }),
      'mesh.added': (params) => ask({ method: 'added', node: textParam(params, 'node') }),
      'mesh.rotate': () => ask({ method: 'rotate' }),
      'mesh.members': () => ask({ method: 'members' }) as Promise<MemberInfo[]>,
      'mesh.leave': (params) => ask({ method: 'leave', force: flagParam(params, 'force') }),
    };
  }

  async close(): Promise<void> {
    await this.#opened;
    if (this.#gone === undefined) await this.#ask({ method: 'close' }).catch(() => undefined);
    // The end of the thread is no loss from here on.
    this.#end(new VriftError('VRIFT_INTERNAL', 'the mesh is closed'));
    await this.#worker.terminate();
  }

  /** @param call who waits for it: hears of progress, and ends the work by going away */
  #ask(request: MeshRequest, call?: RpcCall): Promise<unknown> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    const id = ++this.#last;
    call?.signal.addEventListener('abort', () => {
      if (this.#waiting.has(id)) this.#worker.postMessage({ id, request: 'cancel' });
    });
    if (call?.signal.aborted)
      return Promise.reject(new VriftError('VRIFT_KNOCK_UNANSWERED', 'nobody waits any more'));
    return new Promise((resolve, reject) => {
      const progress = call && { progress: (message: string) => call.progress(message) };
      this.#waiting.set(id, { resolve, reject, ...progress });
      this.#worker.postMessage({ id, request });
    });
  }

  /** For calls on a build's path: a thread that is late or gone is a miss. */
  async #patient(request: MeshRequest, deadlineMs: number): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), deadlineMs + Math.min(deadlineMs, GRACE_MS));
    });
    try {
      return await Promise.race([this.#ask(request).catch(() => undefined), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #receive(message: WorkerMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#state = message.state;
        this.#ready(message.state);
        break;
      case 'progress':
        this.#waiting.get(message.id)?.progress?.(message.message);
        break;
      case 'answer':
        this.#take(message.id)?.resolve(message.value);
        break;
      case 'failure':
        this.#take(message.id)?.reject(new VriftError(message.code, message.message));
        break;
      case 'event':
        this.#state = message.state;
        this.#options.onLine(columnsOf(message.event));
        if (message.event.kind === 'late') this.#options.onLate();
        if (message.event.kind === 'peer-up') this.#options.onPeer(message.event.node, 'up');
        if (message.event.kind === 'peer-down') this.#options.onPeer(message.event.node, 'down');
        break;
      case 'sent':
        this.#options.onSent(message.bytes);
        break;
      case 'trust':
        this.#options.onTrust(message.facts, message.revision);
        break;
      default:
        message satisfies never;
    }
  }

  #take(id: number): Waiter | undefined {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiter;
  }

  #lose(error: Error): void {
    if (this.#gone !== undefined) return;
    const known = error as Error & { code?: ErrorCode };
    const code = known.code?.startsWith('VRIFT_') ? known.code : 'VRIFT_INTERNAL';
    const gone = new VriftError(code, `the mesh has stopped: ${error.message}`);
    this.#end(gone);
    this.#ready({ node: this.node, mesh: null, port: null, problems: [] });
    this.#options.onLine({ level: 'error', code, columns: ['mesh', gone.message] });
  }

  #end(gone: VriftError): void {
    this.#gone ??= gone;
    for (const waiter of this.#waiting.values()) waiter.reject(this.#gone);
    this.#waiting.clear();
  }
}
