#!/usr/bin/env node
// npm run bench:stages [-- PATH|CRATE@VERSION] [--rounds N]: the median microseconds of each stage of
// a hit, beside what the system itself needs for it in the same run, and hits a second for 1, 4 and
// 16 callers at once. Without a name: the sample workspace.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { userCargoHome } from '../../bin/demo/cargoHome.mjs';
import { Person } from '../../bin/demo/person.mjs';
import { checkOut, openWorkspace, sampleWorkspace } from '../../bin/demo/workspace.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { run } from '../../bin/lib/run.mjs';
import { formatTable } from '../../bin/lib/table.mjs';
import { untilInterrupted } from '../interrupted.mjs';
import { fetchCrate, isCrateSpec } from '../real/fetch.mjs';
import { median } from './numbers.mjs';

const signal = untilInterrupted();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '9' } },
});
const rounds = Math.max(3, Number(values.rounds));
const PLACES = { home: 'home', cargoHome: 'unused', vriftHome: 'v', work: 'work' };

/** Stages that are one file's. */
const FILES = /^(write|copy|link|front) /;
const FLOORS = {
  'launcher spawn': 'start and end of an empty static program',
  link: 'a hard link of the same files',
  copy: 'copying the same files',
};

await build();
const scratch = await mkdtemp(join(tmpdir(), 'vrift-stages-'));
const person = new Person('stages', scratch, PLACES, { signal });
try {
  const floor = await compileFloor();
  const workspace = await named(positionals[0]);
  await person.moveIn();
  person.cargoHome = userCargoHome();
  const checkout = await checkOut(workspace, person.work, { signal });
  await person.start();
  const target = join(checkout, 'target');
  const cargo = (env = {}) => person.cargo(workspace.buildArgs, { cwd: checkout, env });
  await cargo();
  const trace = join(scratch, 'trace.json');
  for (let round = 0; round <= rounds; round += 1) {
    await rm(target, { recursive: true });
    await cargo(round === 0 ? {} : { VRIFT_TRACE: trace });
  }
  await person.vrift(['stats']);
  const hits = hitsIn(await readFile(trace, 'utf8'));
  const floors = await measureFloors(floor, target, checkout);
  printStages(workspace, hits, floors);
  await printRates(floor);
} catch (error) {
  console.error(signal.aborted ? 'Interrupted.' : error);
  process.exitCode = signal.aborted ? 130 : 1;
} finally {
  await person.leave();
  await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function named(spec) {
  if (spec === undefined) return sampleWorkspace();
  const path = isCrateSpec(spec)
    ? await fetchCrate(spec, { signal })
    : resolve(process.env.INIT_CWD ?? '.', spec);
  return openWorkspace(path, { signal });
}

async function compileFloor() {
  const programs = { floor: join(scratch, 'floor'), empty: join(scratch, 'empty') };
  const flags = ['--edition', '2021', '-O', '-C', 'panic=abort'];
  await run(['rustc', ...flags, '-o', programs.floor, inRoot('bench', 'hit', 'floor.rs')]);
  await writeFile(join(scratch, 'empty.rs'), 'fn main() {}\n');
  const isStatic = ['-C', 'target-feature=+crt-static', '-o', programs.empty];
  await run(['rustc', ...flags, ...isStatic, join(scratch, 'empty.rs')]);
  return programs;
}

/** The stages of each hit from this disk: name (paths and kinds only) → microseconds. */
function hitsIn(text) {
  const hits = [];
  let stages;
  for (const event of JSON.parse(`${text.replace(/,\n$/, '')}]`)) {
    if (event.pid !== 1 || event.ph !== 'X') continue;
    if (event.cat !== 'stage') {
      stages = event.cat === 'hit disk' ? new Map() : undefined;
      if (stages !== undefined) hits.push(stages);
      continue;
    }
    const name = FILES.exec(event.name)?.[1] ?? event.name;
    stages?.set(name, [...(stages.get(name) ?? []), event.dur]);
  }
  return hits;
}

async function measureFloors({ floor, empty }, target, checkout) {
  const files = (await readdir(join(target, 'debug/deps'))).map((name) =>
    join(target, 'debug/deps', name),
  );
  const sources = new Set();
  for (const path of files.filter((name) => name.endsWith('.d'))) {
    for (const word of (await readFile(path, 'utf8')).split(/\s+/)) {
      if (word.endsWith('.rs')) sources.add(isAbsolute(word) ? word : join(checkout, word));
    }
  }
  const into = join(scratch, 'into');
  await mkdir(into);
  const measure = async (args, paths) => {
    const { stdout } = await run([floor, ...args], { input: paths?.join('\n'), signal });
    return Number(stdout.split(' ')[0]);
  };
  const libraries = files.filter((path) => path.endsWith('.rlib'));
  const copied = files.filter((path) => path.endsWith('.rmeta'));
  return {
    'launcher spawn': await measure(['spawn', '200', empty]),
    stat: await measure(['stat', '20'], [...sources]),
    link: await measure(['link', '20', into], libraries),
    copy: await measure(['copy', '20', into], copied),
  };
}

function printStages({ name, buildArgs }, hits, floors) {
  const names = [...new Set(hits.flatMap((stages) => [...stages.keys()]))];
  const sum = (list) => list.reduce((total, us) => total + us, 0);
  const rows = names.map((stage) => {
    const all = hits.flatMap((stages) => stages.get(stage) ?? []);
    const perHit = median(hits.map((stages) => sum(stages.get(stage) ?? [])));
    const floor = floors[stage] === undefined ? '' : floors[stage].toFixed(0);
    return [stage, median(all).toFixed(0), perHit.toFixed(0), floor, FLOORS[stage] ?? ''];
  });
  const whole = median(hits.map((stages) => sum([...stages.values()].flat())));
  console.log(`\n${name}: cargo ${buildArgs.join(' ')}, ${hits.length} hits, microseconds\n`);
  console.log(formatTable(['stage', 'median', 'per hit', 'floor', 'is'], rows));
  console.log(
    `\na whole hit: ${whole.toFixed(0)}; stat of one input file: ${floors.stat.toFixed(1)}`,
  );
}

/** A small library, each caller with an output directory of its own. */
async function printRates({ floor, empty }) {
  const source = join(scratch, 'rate.rs');
  await writeFile(source, 'pub fn rate() {}\n');
  const out = join(scratch, 'rates');
  for (let caller = 0; caller < 16; caller += 1) {
    await mkdir(join(out, String(caller)), { recursive: true });
  }
  const words = ['rustc', '--crate-name', 'rate', '--edition=2021', source, '--crate-type', 'lib'];
  const emit = ['--emit=dep-info,metadata,link', '-C', 'metadata=0123456789abcdef'];
  const command = [
    inRoot('bin', 'vrift-rustc'),
    ...words,
    ...emit,
    '-C',
    'extra-filename=-0123456789abcdef',
    '--out-dir',
    join(out, '{}'),
  ];
  const calls = (callers, count, program) =>
    run([floor, 'parallel', String(callers), String(count), ...program], {
      env: person.env,
      cwd: scratch,
      signal,
    });
  await calls(16, 1, command);
  const rows = [];
  for (const callers of [1, 4, 16]) {
    const each = Math.ceil(800 / callers);
    await person.vrift(['stats', '--reset']);
    const hits = Number((await calls(callers, each, command)).stdout);
    const { hits: counted } = await person.vrift(['stats']);
    if (counted.disk < callers * each)
      throw new Error(`only ${counted.disk} of the calls were hits`);
    const none = Number((await calls(callers, each, [empty])).stdout);
    rows.push([callers, hits.toFixed(0), none.toFixed(0)]);
  }
  console.log(`\n${formatTable(['callers', 'hits a second', 'empty programs a second'], rows)}`);
}
