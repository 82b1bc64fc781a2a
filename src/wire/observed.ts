import { fromBytes } from './bytes.js';

/**
 * What src/observer/observer.c writes down of a compiler and of every program that it starts: one
 * record per look, `KIND PID SPACE TEXT NUL`, in the order in which they happened. A path is
 * absolute (what was given, behind the directory that it was relative to) but not normalised; a byte that is no UTF-8
 * is a surrogate escape (wire/bytes.ts).
 */
export interface Sighting {
  kind: SightingKind;
  pid: number;
  text: string;
}

/**
 * `P`: the process begins (text: its parent's id), also after each exec; `X`: its program.
 * `r`: a file was opened to be read, `w`: to be written. `d`: a directory was opened. `s`: a path
 * was asked about and is there. `n`: it was opened or asked about and is not there. `?`: that
 * failed for another reason. `e`: a variable was asked for. `p`: a program was started, `b`: one
 * that cannot be observed (static, or of another C library). `c`: a connection beyond this machine's
 * own sockets was made. `t`: somebody asked what time of day it is. `m`: what the machine is, `host`
 * (its name) or `processor` (by an argument like `-march=native`).
 * `l`: a shared library that a process began with; `o`: one that it opened later.
 */
export type SightingKind =
  | 'P'
  | 'X'
  | 'r'
  | 'w'
  | 'd'
  | 's'
  | 'n'
  | '?'
  | 'e'
  | 'p'
  | 'b'
  | 'c'
  | 't'
  | 'm'
  | 'l'
  | 'o';

/** Variables by which the observer and the launcher know each other. */
export const OBSERVED_VARIABLE = 'VRIFT_OBSERVED';

/**
 * @returns undefined when a record has another form: then nothing of the log can be relied on
 */
export function parseObserved(log: Buffer): Sighting[] | undefined {
  const sightings: Sighting[] = [];
  const records = log.toString('latin1').split('\0');
  if (records.pop() !== '') return undefined;
  for (const record of records) {
    const sighting = parseRecord(record);
    if (sighting === undefined) return undefined;
    sightings.push(sighting);
  }
  return sightings;
}

/**
 * The same without what was seen before, whichever process saw it; only what the first process asks
 * for stands apart. A compiler that is started for each of three hundred files looks at the same
 * headers.
 *
 * @param pause gives other work its turn
 */
export async function parseDistinct(
  log: Buffer,
  pause: () => Promise<void>,
): Promise<Sighting[] | undefined> {
  const sightings: Sighting[] = [];
  const seen = new Set<string>();
  let first: string | undefined;
  let from = 0;
  let records = 0;
  for (let end = log.indexOf(0); end >= 0; end = log.indexOf(0, from)) {
    if (++records % 5_000 === 0) await pause();
    const record = log.toString('latin1', from, end);
    from = end + 1;
    const space = record.indexOf(' ');
    const process = record.slice(1, space);
    first ??= process;
    const key = `${record[0]}${process === first ? '!' : ''}${record.slice(space)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const sighting = parseRecord(record);
    if (sighting === undefined) return undefined;
    sightings.push(sighting);
  }
  return from === log.length ? sightings : undefined;
}

/** @param record its bytes, as latin1 */
function parseRecord(record: string): Sighting | undefined {
  const text = ASCII.test(record) ? record : fromBytes(Buffer.from(record, 'latin1'));
  const parts = RECORD.exec(text);
  if (parts === null) return undefined;
  return { kind: parts[1] as SightingKind, pid: Number(parts[2]), text: parts[3]! };
}

/** Read as latin1, so that a byte of more is one of these. */
const ASCII = /^[^\u0080-\u00ff]*$/;
const RECORD = /^([PXrwdsn?epbctmlo])(\d+) (.*)$/s;
