#!/usr/bin/env node
// npm run bench:growth [-- --results 10,20000,200000] [--files 10,500,5000] [--rounds N]: what a node
// costs as its store and the crates grow: time from its start to the first answer, memory at rest,
// and what it does for one hit. The launcher's own part and the restore are not in that.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { build } from '../../bin/build.mjs';
import { Person } from '../../bin/demo/person.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { formatTable } from '../../bin/lib/table.mjs';
import { median } from '../hit/numbers.mjs';
import { untilInterrupted } from '../interrupted.mjs';

const signal = untilInterrupted();
const numbers = (text) => text.split(',').map(Number);
const { values } = parseArgs({
  options: {
    results: { type: 'string', default: '10,20000,200000' },
    files: { type: 'string', default: '10,500,5000' },
    rounds: { type: 'string', default: '15' },
  },
});
/** Stages of a call that are the node's own. */
const AT_NODE = new Set([
  'arguments',
  'tools',
  'dependencies',
  'roots, macros',
  'key',
  'look-up',
  'plan',
]);
const rounds = Math.max(5, Number(values.rounds));

await build();
const { encodeFrame } = await import('../../dist/wire/frame.js');
const scratch = await mkdtemp(join(tmpdir(), 'vrift-growth-'));
try {
  const grown = [];
  for (const results of numbers(values.results)) grown.push(await withResults(results));
  console.log(`\n${formatTable(['results', 'index', 'first answer', 'memory', 'a hit'], grown)}`);
  const large = [];
  for (const files of numbers(values.files)) large.push(await withFiles(files));
  console.log(`\n${formatTable(['files of the crate', 'a hit', 'of which per file'], large)}`);
} catch (error) {
  console.error(signal.aborted ? 'Interrupted.' : error);
  process.exitCode = signal.aborted ? 130 : 1;
} finally {
  await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function withResults(results) {
  const person = await moveIn(`r${results}`);
  const fill = inRoot('bench', 'growth', 'fill.mjs');
  const store = join(person.vriftHome, 'l2');
  await promisify(execFile)(process.execPath, [fill, store, String(results)], { signal });
  const starts = [];
  for (let round = 0; round < 5; round += 1) {
    const node = await startNode(person);
    starts.push(node.ms);
    await node.stop();
  }
  const node = await startNode(person);
  try {
    const workspace = await makeCrates(join(person.work, 'ws'), 3);
    const { hit, rss, own } = await measure(person, workspace);
    const { stdout } = await promisify(execFile)('du', ['-sk', join(store, 'index')]);
    return [
      results.toLocaleString('en'),
      `${Math.round(Number.parseInt(stdout, 10) / 1024)} MB`,
      `${median(starts).toFixed(0)} ms`,
      `${(rss / 1e6).toFixed(0)} MB, own ${(own / 1e6).toFixed(0)} MB`,
      `${hit.toFixed(2)} ms`,
    ];
  } finally {
    await node.stop();
  }
}

async function withFiles(files) {
  const person = await moveIn(`f${files}`);
  const node = await startNode(person);
  try {
    const { hit } = await measure(person, await makeCrates(join(person.work, 'ws'), files));
    const each = `${((hit * 1000) / files).toFixed(1)} µs`;
    return [files.toLocaleString('en'), `${hit.toFixed(2)} ms`, each];
  } finally {
    await node.stop();
  }
}

async function moveIn(name) {
  const places = { home: 'home', cargoHome: 'home/.cargo', vriftHome: 'v', work: 'work' };
  const person = new Person(name, join(scratch, name), places, { signal });
  await person.moveIn();
  return person;
}

/** One question of a launcher, answered. @throws when nobody listens */
function call(home) {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: join(home, 'run', 'node.sock') });
    const about = { argv: ['rustc', '-vV'], cwd: '/', env: [], umask: 0o22, pid: 1 };
    socket.on('connect', () => socket.write(encodeFrame({ kind: 'call', v: 1, ...about })));
    socket.on('data', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}

/** Starts a node as `vrift start` does, and asks as a launcher does until it is answered. */
async function startNode(person) {
  const began = performance.now();
  const program = inRoot('bin', 'vrift');
  const child = spawn(program, ['start', '--foreground'], {
    env: person.env,
    cwd: person.home,
    stdio: 'ignore',
  });
  for (;;) {
    try {
      await call(person.vriftHome);
      break;
    } catch (error) {
      if (child.exitCode !== null) throw error;
      await sleep(2);
    }
  }
  const ms = performance.now() - began;
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  return { ms, stop };
}

/** Five libraries of so many files each, which do not need each other. */
async function makeCrates(root, files) {
  const names = ['one', 'two', 'three', 'four', 'five'];
  for (const name of names) {
    await mkdir(join(root, name, 'src'), { recursive: true });
    const modules = Array.from({ length: files - 1 }, (_, n) => `m${n}`);
    await writeFile(
      join(root, name, 'Cargo.toml'),
      `[package]\nname = "${name}"\nversion = "1.0.0"\nedition = "2021"\n`,
    );
    for (const module of modules) {
      await writeFile(join(root, name, `src/${module}.rs`), `pub const N: u8 = 1;\n`);
    }
    await writeFile(join(root, name, 'src/lib.rs'), modules.map((m) => `pub mod ${m};\n`).join(''));
  }
  const members = names.map((name) => `"${name}"`).join(', ');
  await writeFile(
    join(root, 'Cargo.toml'),
    `[workspace]\nresolver = "2"\nmembers = [${members}]\n`,
  );
  return root;
}

/** Median milliseconds that the node takes for a hit, from the call's arrival to its answer. */
async function measure(person, workspace) {
  const trace = join(person.root, 'trace.json');
  const target = join(workspace, 'target');
  await person.cargo(['build'], { cwd: workspace });
  await person.vrift(['stats']);
  for (let round = 0; round < rounds; round += 1) {
    await rm(target, { recursive: true });
    await person.cargo(['build', '--jobs', '1'], { cwd: workspace, env: { VRIFT_TRACE: trace } });
  }
  await sleep(3_000);
  const { pid, rssBytes: rss } = await person.vrift(['status']);
  const own = await ownMemory(pid);
  const text = await readFile(trace, 'utf8');
  const hits = [];
  let times;
  for (const event of JSON.parse(`${text.replace(/,\n$/, '')}]`)) {
    if (event.pid !== 1 || event.ph !== 'X') continue;
    if (event.cat === 'stage') {
      if (times !== undefined && AT_NODE.has(event.name)) times.push(event.dur / 1000);
      continue;
    }
    times = event.cat === 'hit disk' ? [] : undefined;
    if (times !== undefined) hits.push(times);
  }
  const sum = (list) => list.reduce((total, ms) => total + ms, 0);
  return { hit: median(hits.map(sum)), rss, own };
}

/** Bytes that no file stands behind: without the program itself and the index that is mapped. */
async function ownMemory(pid) {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return 1024 * Number(/^Anonymous: +(\d+)/m.exec(text)?.[1] ?? 0);
}
