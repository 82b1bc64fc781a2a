import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

const MS_PER_TICK = 10;
const SAMPLE_MS = 100;
/** A daemon that used no processor for so long has nothing more to do for the last build. */
const IDLE_MS = 150;
/** The last line of what `times` prints is about the children, user and system. */
const TIMED = '"$@" || exit; times';

/**
 * Runs a command, and says what it and its daemons cost until those are idle again.
 *
 * @param daemons numbers of processes, and paths of executables of which every one is meant
 * @returns `ms` of wall time of the command alone, `cpuMs` of all, `peakBytes` of resident memory of
 *   all at once, as sampled, and what the command printed last
 */
export async function measure(command, { cwd, env, daemons, signal }) {
  const before = ticksOf(daemonsOf(daemons));
  const startedMs = performance.now();
  const child = spawn('sh', ['-c', TIMED, 'sh', ...command], {
    cwd,
    env,
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let peakBytes = 0;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentOf(child.pid, daemons));
  }, SAMPLE_MS);
  try {
    const { code, stdout, stderr } = await ended(child);
    const ms = performance.now() - startedMs;
    if (code !== 0)
      throw new Error(`${command.join(' ')} ended with ${code}:\n${stderr.slice(-4000)}`);
    const daemonMs = ((await idle(daemons)) - before) * MS_PER_TICK;
    return { ms, cpuMs: processorMs(stdout) + daemonMs, peakBytes };
  } finally {
    clearInterval(sampling);
  }
}

function ended(child) {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].on('data', (chunk) => {
      texts[name] += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...texts }));
  });
}

async function idle(daemons) {
  for (let last = -1; ; ) {
    const now = ticksOf(daemonsOf(daemons));
    if (now === last) return now;
    last = now;
    await wait(IDLE_MS);
  }
}

/** Those that cargo did not start. */
function daemonsOf(wanted) {
  if (wanted.length === 0) return [];
  return processes().filter(
    ({ pid, parent }) =>
      wanted.includes(pid) || (parent === 1 && wanted.includes(executableOf(pid))),
  );
}

function executableOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

/** Of the processes and of the children that they waited for. */
function ticksOf(list) {
  return list.reduce((sum, { fields }) => {
    return sum + [11, 12, 13, 14].reduce((all, at) => all + Number(fields[at]), 0);
  }, 0);
}

function residentOf(root, daemons) {
  const all = processes();
  const wanted = new Set([root, ...daemonsOf(daemons).map(({ pid }) => pid)]);
  // Parents come before their children but for reused numbers, which one more pass catches.
  for (let pass = 0; pass < 3; pass += 1) {
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid);
  }
  const pages = all
    .filter(({ pid }) => wanted.has(pid))
    .reduce((sum, { fields }) => sum + Number(fields[21]), 0);
  return pages * 4096;
}

function processes() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [{ pid: Number(name), parent: Number(fields[1]), fields }];
      } catch {
        return [];
      }
    });
}

function processorMs(stdout) {
  const words = stdout.trim().split('\n').at(-1).split(' ');
  const spent = words.map((word) => /^(\d+)m([\d.]+)s$/.exec(word));
  return spent.reduce((sum, [, minutes, rest]) => sum + minutes * 60_000 + rest * 1_000, 0);
}
