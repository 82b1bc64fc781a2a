#!/usr/bin/env node
// npm run bench:edit [-- PROJECT[:PLACE] …] [--rounds N] [--json]: from an edit to the end of the
// build, with vrift where this machine compiled and where it restored, against plain cargo that
// did the whole cold build. Ratios are per round: machines drift, neighbours in time do not.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { userCargoHome } from '../../bin/demo/cargoHome.mjs';
import { untilInterrupted } from '../interrupted.mjs';
import { contestants, meet } from './contestants.mjs';
import { openProject, PROJECTS } from './projects.mjs';
import { print, verdict } from './report.mjs';
import { playRounds } from './rounds.mjs';

const signal = untilInterrupted();

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const specs = positionals.length > 0 ? positionals : Object.keys(PROJECTS);
const rounds = Math.max(5, Number(values.rounds));

try {
  await build();
  const reports = [];
  for (const spec of specs) {
    const report = await bench(spec);
    if (!values.json) print(report);
    reports.push(report);
  }
  if (values.json) console.log(JSON.stringify(reports, null, 2));
  else console.log(verdict(reports));
} catch (error) {
  console.error(signal.aborted ? 'Interrupted.' : error.message);
  process.exitCode = signal.aborted ? 130 : 1;
}

async function bench(spec) {
  const [name, place] = spec.split(':');
  if (!Object.hasOwn(PROJECTS, name))
    throw new Error(`no project ${name}: ${Object.keys(PROJECTS)}`);
  const scratch = await mkdtemp(join(tmpdir(), 'vrift-edit-'));
  const all = contestants(scratch, { cargoHome: userCargoHome(), signal });
  const nodes = [all.here.person, all.restored.person];
  try {
    const project = await openProject(name, place, join(scratch, 'project'), { signal });
    for (const contestant of Object.values(all)) await contestant.moveIn(project.workspace);
    for (const person of nodes) await person.start();
    await meet(...nodes);
    return await playRounds(project, all, rounds);
  } finally {
    for (const person of nodes) await person.leave();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
