import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process that no later one can be taken for, and where its number means something. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in the words of this system; a reused pid has another. */
  start: string;
  /** The boot it belongs to; empty where `start` is a date. */
  boot: string;
  /** The pid namespace (container); empty where there are none. */
  space: string;
  /** Empty where a machine has no id. */
  machine: string;
  /** For people. */
  host: string;
}

export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    start: startTimeOf(process.pid) ?? '',
    boot: readText('/proc/sys/kernel/random/boot_id'),
    space: readLink('/proc/self/ns/pid'),
    machine: readText('/etc/machine-id'),
    host: hostname(),
  };
}

/** When a process of this pid namespace started; undefined when it does not run (any more). */
export function startTimeOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

/** Fields 3 (state) and 22 (start, in ticks since boot); the name in field 2 may hold anything. */
function startFromProc(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0] ?? '';
  return stat === '' || isEnded(state) ? undefined : fields[19];
}

function startFromPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    const [state = '', ...start] = line.split(/\s+/);
    return line === '' || isEnded(state) ? undefined : start.join(' ');
  } catch {
    return undefined;
  }
}

/** A zombie holds nothing: its parent just has not looked yet. */
function isEnded(state: string): boolean {
  return state.startsWith('Z') || state.startsWith('X');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

function readLink(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
