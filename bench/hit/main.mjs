#!/usr/bin/env node
// npm run bench [-- PATH|CRATE@VERSION …] [--rounds N] [--cold N] [--json]: what a hit costs, next
// to a wrapper that copies files back without any check. Always measures the sample workspace,
// then whatever is named. Ratios are per round: machines drift, neighbours in time do not.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { userCargoHome } from '../../bin/demo/cargoHome.mjs';
import { Person } from '../../bin/demo/person.mjs';
import { checkOut, openWorkspace, sampleWorkspace } from '../../bin/demo/workspace.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { run } from '../../bin/lib/run.mjs';
import { formatTable, seconds } from '../../bin/lib/table.mjs';
import { untilInterrupted } from '../interrupted.mjs';
import { fetchCrate, isCrateSpec } from '../real/fetch.mjs';
import { Contest, contestants } from './contest.mjs';
import { median, min, ratio } from './numbers.mjs';

const PLACES = { home: 'home', cargoHome: 'unused', vriftHome: 'v', work: 'work' };

const signal = untilInterrupted();

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    cold: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const options = {
  warmRounds: Math.max(5, Number(values.rounds)),
  coldRounds: Math.max(1, Number(values.cold)),
  signal,
};

try {
  await build();
  const replay = await buildReplay();
  const reports = [];
  for (const workspace of [sampleWorkspace(), ...(await named(positionals))]) {
    const report = await bench(workspace, replay, options);
    if (!values.json) print(report);
    reports.push(report);
  }
  if (values.json) console.log(JSON.stringify(reports, null, 2));
} catch (error) {
  console.error(signal.aborted ? 'Interrupted.' : error.message);
  process.exitCode = signal.aborted ? 130 : 1;
}

function named(specs) {
  return Promise.all(
    specs.map(async (spec) => {
      const path = isCrateSpec(spec)
        ? await fetchCrate(spec, options)
        : resolve(process.env.INIT_CWD ?? '.', spec);
      return openWorkspace(path, options);
    }),
  );
}

async function buildReplay() {
  const program = inRoot('bench', '.cache', 'replay');
  await mkdir(inRoot('bench', '.cache'), { recursive: true });
  const flags = [
    '--edition',
    '2021',
    '-O',
    '-C',
    'panic=abort',
    '-C',
    'target-feature=+crt-static',
  ];
  await run(['rustc', ...flags, '-o', program, inRoot('bench', 'replay', 'main.rs')]);
  return program;
}

async function bench(workspace, replay, { warmRounds, coldRounds, signal }) {
  const scratch = await mkdtemp(join(tmpdir(), 'vrift-bench-'));
  const person = new Person('bench', scratch, PLACES, { signal });
  try {
    await person.moveIn();
    person.cargoHome = userCargoHome();
    person.checkout = await checkOut(workspace, person.work, { signal });
    await person.start();
    const replayStore = join(scratch, 'replay');
    const launcher = inRoot('bin', 'vrift-rustc');
    const environments = contestants({ launcher, replay, replayStore });
    const contest = new Contest({ person, workspace, environments, scratch });

    const cold = [];
    for (let round = 0; round < coldRounds; round += 1) {
      if (round > 0) await person.vrift(['gc', '--all']);
      cold.push(await alternate(contest, ['bare', 'vrift'], round));
    }
    await contest.build('replay');
    await person.vrift(['stats', '--reset']);
    const warm = [];
    for (let round = 0; round < warmRounds; round += 1) {
      warm.push(await alternate(contest, ['vrift', 'replay'], round));
    }
    const stats = await person.vrift(['stats']);
    return { workspace: workspace.name, args: workspace.buildArgs, cold, warm, stats };
  } finally {
    await person.leave();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** Who goes first changes with each round. */
async function alternate(contest, names, round) {
  const order = round % 2 === 0 ? names : names.toReversed();
  const times = {};
  for (const name of order) times[name] = await contest.build(name);
  return times;
}

function times(rounds, over, under) {
  return `${ratio(rounds, over, under).toFixed(2)} ×`;
}

function row(label, rounds, name, comparison) {
  const all = rounds.map((round) => round[name]);
  return [label, seconds(median(all)), seconds(min(all)), all.length, comparison];
}

function print({ workspace, args, cold, warm, stats }) {
  const units = stats.units / warm.length;
  console.log(`\n${workspace}: cargo ${args.join(' ')}, ${units} units\n`);
  console.log(
    formatTable(
      ['', 'median', 'min', 'rounds', ''],
      [
        row('bare cold', cold, 'bare', ''),
        row('cold with vrift', cold, 'vrift', `${times(cold, 'vrift', 'bare')} bare`),
        row('warm replay, no checks', warm, 'replay', ''),
        row('warm with vrift', warm, 'vrift', `${times(warm, 'vrift', 'replay')} replay`),
      ],
    ),
  );
  const { p50, p95 } = stats.latencyMs.hitDisk;
  console.log(`\nin the node, per hit: ${p50.toFixed(2)} ms median, ${p95.toFixed(2)} ms at 95 %`);
  if (stats.compiled > 0) {
    const reasons = Object.entries(stats.bypassed).map(([reason, n]) => `${reason} ${n}`);
    const why = [`misses ${stats.misses}`, ...reasons].join(', ');
    console.log(`warm builds compiled ${stats.compiled} units in ${warm.length} rounds: ${why}`);
  }
}
