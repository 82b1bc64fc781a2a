#!/usr/bin/env node
// npm run random -- [--steps N] [--seed S] [--log FILE]: the randomised comparison of cached builds
// with what they must give (test/random), for as long as wanted.
import { parseArgs } from 'node:util';
import { inRoot, ROOT } from './lib/project.mjs';
import { run } from './lib/run.mjs';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    log: { type: 'string' },
  },
});
const env = { ...process.env, VRIFT_STEPS: values.steps, VRIFT_SEED: values.seed };
if (values.log !== undefined) env.VRIFT_LOG = values.log;
const vitest = [inRoot('node_modules', '.bin', 'vitest'), 'run', 'test/random'];
const { code } = await run(vitest, { cwd: ROOT, show: true, allowFailure: true, env });
process.exitCode = code;
