import {
  type CallFrame,
  HEARTBEAT_MS,
  LAUNCHER_PROTOCOL,
  type LauncherReport,
  type NodeReply,
  type ScriptFrame,
} from '../../wire/launcher.js';

/** One launcher, from its call to the end of its connection. */
export interface CallChannel {
  /** Aborts when the launcher is gone and has left nothing to read. */
  readonly signal: AbortSignal;
  /** Never throws; says nothing to a launcher that is gone. Ends the heartbeat. */
  send(reply: NodeReply): void;
  /** The next report, or undefined when the launcher is gone. */
  next(): Promise<LauncherReport | undefined>;
}

/** More reports than any launcher sends before it is answered again. */
const MAX_WAITING_REPORTS = 8;

/**
 * The channel of one call. Sends `wait` every HEARTBEAT_MS until it is answered, and again after
 * a `failed` report, so that a launcher can tell a busy node from a hung one.
 */
export class LauncherChannel implements CallChannel {
  readonly #write: (reply: NodeReply) => void;
  readonly #controller = new AbortController();
  readonly #reports: LauncherReport[] = [];
  #waiter: ((report: LauncherReport | undefined) => void) | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #answered = false;
  #gone = false;
  #finished = false;

  constructor(write: (reply: NodeReply) => void) {
    this.#write = write;
    this.#startHeartbeat();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the launcher knows what to do. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Whether the launcher has no part in the call any more: what is left is the node's work. */
  get finished(): boolean {
    return this.#finished || this.#gone;
  }

  send(reply: NodeReply): void {
    if (reply.act !== 'wait') {
      this.#answered = true;
      clearInterval(this.#heartbeat);
    }
    if (!this.#gone) this.#write(reply);
  }

  next(): Promise<LauncherReport | undefined> {
    const report = this.#reports.shift();
    if (report !== undefined || this.#gone) return Promise.resolve(report);
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }

  /** @returns false when the launcher talks too much to be one */
  receive(report: LauncherReport): boolean {
    if (report.kind === 'failed') {
      this.#answered = false;
      this.#startHeartbeat();
    } else this.#finished = true;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) waiter(report);
    else this.#reports.push(report);
    return this.#reports.length <= MAX_WAITING_REPORTS;
  }

  /** The connection ended. */
  close(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearInterval(this.#heartbeat);
    this.#waiter?.(undefined);
    if (this.#reports.length === 0) this.#controller.abort();
  }

  #startHeartbeat(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.send({ act: 'wait' }), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }
}

/** Whether a first frame is a call that this version understands. */
export function isCallFrame(frame: object): frame is CallFrame | ScriptFrame {
  const call = frame as Partial<Omit<ScriptFrame, 'kind'>> & { kind?: unknown };
  const isKnown =
    call.kind === 'call' || (call.kind === 'script' && typeof call.program === 'string');
  return (
    isKnown &&
    call.v === LAUNCHER_PROTOCOL &&
    isTexts(call.argv) &&
    call.argv.length > 0 &&
    typeof call.cwd === 'string' &&
    isTexts(call.env) &&
    typeof call.umask === 'number' &&
    typeof call.pid === 'number'
  );
}

export function isReport(frame: unknown): frame is LauncherReport {
  if (typeof frame !== 'object' || frame === null) return false;
  const report = frame as Record<string, unknown>;
  if (report.kind === 'failed') return typeof report.error === 'string';
  if (report.kind === 'done') return isStats(report.made);
  return (
    report.kind === 'ran' &&
    isNumberOrNull(report.code) &&
    isNumberOrNull(report.signal) &&
    typeof report.stdout === 'string' &&
    typeof report.stderr === 'string' &&
    isStats(report.made) &&
    typeof report.ms === 'number' &&
    typeof report.startedNs === 'string'
  );
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isStats(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => item === null || typeof item === 'string');
}

function isNumberOrNull(value: unknown): boolean {
  return value === null || typeof value === 'number';
}
