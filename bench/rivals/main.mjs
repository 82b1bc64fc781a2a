#!/usr/bin/env node
// npm run bench:rivals [-- PROJECT …] [--tools LIST] [--rounds N]: vrift beside kache, mbx, sccache,
// plain cargo, and a wrapper that restores without checks, on this machine and over the LAN.
// Without names: ripgrep, bat, the sample and a workspace of a thousand crates, which takes hours.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { untilInterrupted } from '../interrupted.mjs';
import { DEFAULT_PROJECTS, openProject } from './projects.mjs';
import { print, problems, verdict } from './report.mjs';
import { playRound } from './rounds.mjs';
import { drawing } from './svg.mjs';
import { buildReplay, installRivals } from './tools.mjs';

const signal = untilInterrupted();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tools: { type: 'string', default: 'replay,kache,mbx,sccache' },
    rounds: { type: 'string', default: '3' },
  },
});
const names = positionals.length > 0 ? positionals : DEFAULT_PROJECTS;
const others = values.tools.split(',').filter(Boolean);
const rounds = Math.max(1, Number(values.rounds));
const say = (line) => process.stderr.write(`${line}\n`);

try {
  await build();
  const rivals = others.filter((name) => name !== 'replay');
  const programs = await installRivals(rivals, { say, signal });
  programs.replay = await buildReplay();
  const tools = ['bare', ...others, 'vrift'];
  const reports = [];
  for (const name of names) {
    reports.push(await bench(name, tools, { programs, say, signal }));
    print(reports.at(-1));
    await keep(reports);
  }
  console.log(`\n${verdict(reports)}`);
  if (reports.some((report) => problems(report.rounds).length > 0)) process.exitCode = 1;
} catch (error) {
  console.error(signal.aborted ? 'Interrupted.' : error.message);
  process.exitCode = signal.aborted ? 130 : 1;
}

async function bench(name, tools, options) {
  const scratch = await mkdtemp(join(tmpdir(), 'vrift-rivals-'));
  try {
    const project = await openProject(name, join(scratch, 'project'), options);
    const played = [];
    for (let round = 1; round <= rounds; round += 1) {
      played.push(await playRound(project, tools, join(scratch, `r${round}`), options));
    }
    return { project: name, rounds: played };
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** `bench/.cache/rivals.json` and `.svg`: the last run. */
async function keep(reports) {
  const folder = inRoot('bench', '.cache');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'rivals.json'), `${JSON.stringify(reports, null, 2)}\n`);
  await writeFile(join(folder, 'rivals.svg'), drawing(reports));
}
