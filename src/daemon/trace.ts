import { appendFileSync, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { Trace, type Traced, type TracePort } from '../pipeline/trace.js';

/** How a file begins that this wrote: an array, which may lack its end, of Chrome's trace events. */
const HEADER = '[{"name":"process_name","ph":"M","pid":1,"args":{"name":"vrift"}},\n';
const AFTER =
  '{"name":"process_name","ph":"M","pid":2,"args":{"name":"vrift, behind the build"}},\n';

const MAX_REFUSED = 100;

/**
 * Writes what calls did into the file that they name by VRIFT_TRACE, below the directory where
 * cargo was started. The variable may come from a project, so that nothing is touched but a new
 * file named `….json` and what was written here before.
 *
 * @param onRefused told once of each name that cannot be written
 */
export function openTraces(onRefused: (path: string) => void): TracePort {
  const lanes = [new Lanes(), new Lanes()] as const;
  const refused = new Set<string>();
  return {
    begin(frame) {
      const named = valueIn(frame.env, 'VRIFT_TRACE') ?? '';
      if (named === '') return undefined;
      const path = placeOf(named, valueIn(frame.env, 'PWD') ?? '', frame.cwd);
      if (refused.has(path)) return undefined;
      return new Trace(nowNs, frame.at, (traced) => {
        const lines = [...eventsOf(traced, lanes)].map((event) => `${JSON.stringify(event)},\n`);
        if (append(path, lines.join(''))) return;
        if (refused.size < MAX_REFUSED) refused.add(path);
        onRefused(path);
      });
    },
  };
}

function valueIn(env: readonly string[], name: string): string | undefined {
  return env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

function placeOf(named: string, shell: string, cwd: string): string {
  return isAbsolute(named) ? named : resolve(isAbsolute(shell) ? shell : cwd, named);
}

/** @returns false when it is no file of ours to write to */
function append(path: string, text: string): boolean {
  if (!path.endsWith('.json')) return false;
  const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
  try {
    const fd = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      appendFileSync(fd, HEADER + AFTER + text);
      return true;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
  }
  try {
    const fd = openSync(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
    try {
      const head = Buffer.alloc(HEADER.length);
      const isOurs = fstatSync(fd).isFile() && readSync(fd, head, 0, head.length, 0) > 0;
      if (!isOurs || head.toString() !== HEADER) return false;
      appendFileSync(fd, text);
      return true;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

/** Calls at the same time stand below each other, as in `cargo build --timings`. */
class Lanes {
  readonly #freeFrom: number[] = [];

  take(from: number, to: number): number {
    const free = this.#freeFrom.findIndex((at) => at <= from);
    const lane = free < 0 ? this.#freeFrom.length : free;
    this.#freeFrom[lane] = to;
    return lane;
  }
}

function* eventsOf({ unit, outcome, spans, after }: Traced, lanes: readonly [Lanes, Lanes]) {
  for (const [index, list] of [spans, after].entries()) {
    const [first, last] = [list[0], list.at(-1)];
    if (first === undefined || last === undefined) continue;
    const place = { pid: index + 1, tid: lanes[index]!.take(first.from, last.to) };
    const whole = { name: unit, cat: outcome, ...spanOf(first.from, last.to), ...place };
    yield { ...whole, args: { outcome } };
    for (const { name, from, to } of list)
      yield { name, cat: 'stage', ...spanOf(from, to), ...place };
  }
}

/** Microseconds, as the format has it. */
function spanOf(from: number, to: number) {
  return { ph: 'X', ts: from / 1_000, dur: (to - from) / 1_000 };
}

function nowNs(): number {
  return Number(process.hrtime.bigint());
}
