#!/usr/bin/env node
// npm run bench:rivals [-- PROJECT …] [--tools LIST] [--rounds N] [--add]: vrift beside kache, mbx,
// sccache, plain cargo, and a wrapper that restores without checks, on this machine and over the LAN.
// Without names: ripgrep, bat, the sample and a workspace of a thousand crates, which takes hours.
// --add: beside the projects of the last runs, which the verdict is about as well.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { untilInterrupted } from '../interrupted.mjs';
import { DEFAULT_PROJECTS, openProject } from './projects.mjs';
import { isDisturbed, print, problems, verdict } from './report.mjs';
import { playRound } from './rounds.mjs';
import { drawing } from './svg.mjs';
import { buildReplay, installRivals } from './tools.mjs';

const signal = untilInterrupted();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tools: { type: 'string', default: 'replay,kache,mbx,sccache' },
    rounds: { type: 'string', default: '3' },
    add: { type: 'boolean', default: false },
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
  const reports = values.add ? await earlier() : [];
  for (const name of names) {
    reports.push(await bench(name, tools, { programs, say, signal }));
    print(reports.at(-1));
    await keep(reports);
  }
  console.log(`\n${reports.map(({ project }) => project).join(', ')}:\n${verdict(reports)}`);
  if (reports.some((report) => problems(report.rounds).length > 0)) process.exitCode = 1;
} catch (error) {
  console.error(signal.aborted ? 'Interrupted.' : error.message);
  process.exitCode = signal.aborted ? 130 : 1;
}

async function bench(name, tools, options) {
  const scratch = await mkdtemp(join(tmpdir(), 'vrift-rivals-'));
  try {
    const project = await openProject(name, join(scratch, 'project'), options);
    const sound = [];
    const disturbed = [];
    while (sound.length < rounds && disturbed.length <= rounds) {
      const root = join(scratch, `r${sound.length + disturbed.length + 1}`);
      const round = await playRound(project, tools, root, options);
      (isDisturbed(round) ? disturbed : sound).push(round);
      say(`${name}: plain cargo drifted to ${round.drift.toFixed(2)} ×`);
    }
    // Too few of a machine that is never at rest: all count, and the report says that it is invalid.
    if (sound.length < rounds) return { project: name, rounds: [...sound, ...disturbed], again: 0 };
    return { project: name, rounds: sound, again: disturbed.length };
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** Of projects that are not measured now. */
async function earlier() {
  const text = await readFile(inRoot('bench', '.cache', 'rivals.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text).filter(({ project }) => !names.includes(project));
}

/** `bench/.cache/rivals.json` and `.svg`: the last run, with what it was added to. */
async function keep(reports) {
  const folder = inRoot('bench', '.cache');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'rivals.json'), `${JSON.stringify(reports, null, 2)}\n`);
  await writeFile(join(folder, 'rivals.svg'), drawing(reports));
}
