import { readdirSync, readFileSync } from 'node:fs';

const MS_PER_TICK = 10;
/** V8 and libuv name none of their threads; workers have the name that the node gave itself. */
const OF_THE_NODE = 'vriftd';

/** Thread → its name and the milliseconds of processor that it used. Linux. */
export function ticksOf(pid) {
  const threads = new Map();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const ms = (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
      threads.set(thread, { isMain: thread === String(pid), isWorker: name === OF_THE_NODE, ms });
    } catch {
      // It ended meanwhile.
    }
  }
  return threads;
}

/** Milliseconds between two looks: the main thread, workers, what helps them, all. */
export function spent(before, after) {
  const sum = { main: 0, workers: 0, helpers: 0, all: 0 };
  for (const [thread, { isMain, isWorker, ms }] of after) {
    const part = isMain ? 'main' : isWorker ? 'workers' : 'helpers';
    const used = ms - (before.get(thread)?.ms ?? 0);
    sum[part] += used;
    sum.all += used;
  }
  return sum;
}
