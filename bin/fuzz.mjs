#!/usr/bin/env node
// npm run fuzz -- [--minutes N] [--seed S] [FILTER]: the properties of test/fuzz with many more inputs,
// round after round, each with the next seed, until the time is over or one does not hold.
import { parseArgs } from 'node:util';
import { inRoot, ROOT } from './lib/project.mjs';
import { run } from './lib/run.mjs';

const RUNS_PER_ROUND = 5_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
});
const until = Date.now() + Number(values.minutes) * 60_000;
let seed = Number(values.seed);
do {
  console.log(`seed ${seed}`);
  const env = { ...process.env, VRIFT_FUZZ_RUNS: String(RUNS_PER_ROUND), VRIFT_SEED: String(seed) };
  const filters = positionals.map((name) => `test/fuzz/${name}`);
  const vitest = [inRoot('node_modules', '.bin', 'vitest'), 'run'];
  const places = filters.length > 0 ? filters : ['test/fuzz'];
  const { code } = await run([...vitest, ...places], {
    cwd: ROOT,
    show: true,
    allowFailure: true,
    env,
  });
  process.exitCode = code;
  seed += 1;
} while (process.exitCode === 0 && Date.now() < until);
