import { expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import { walk } from './walk.js';

/** `npm run random -- --steps N --seed S` sets these; without, a few steps of a new seed. */
const steps = Number(process.env.VRIFT_STEPS ?? 30);
const seed = Number(process.env.VRIFT_SEED ?? Date.now() % 1_000_000_000);
const SECONDS_PER_STEP = 20;

it('programs print their inputs after random edits, moves, switches and changes of environment', {
  timeout: (60 + steps * SECONDS_PER_STEP) * 1000,
}, async (context) => {
  needs(context, 'cargo', 'cc', 'ar');
  console.log(`seed ${seed}, ${steps} steps`);
  const log = process.env.VRIFT_LOG;
  const walked = await walk({ seed, steps, stepsPerWorkspace: 100, uncachedEvery: 25, log });
  console.log(JSON.stringify({ seed, ...walked }));
  expect(walked.steps).toBe(steps);
});
