#!/usr/bin/env node
// npm run bench:real [-- NAME[@VERSION] …] [--json FILE] [--no-tests] [--keep]: published projects,
// built with and without vrift at several places; every output, message and test result has to be
// the same. Without names: the list in projects.mjs. Exit code 1 on any difference.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { reportOf } from './markdown.mjs';
import { runProject } from './project.mjs';
import { projectsNamed } from './projects.mjs';

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => interrupted.abort());
// A reader that went away must not keep us from cleaning up.
process.stdout.on('error', () => interrupted.abort());
process.stderr.on('error', () => interrupted.abort());

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    'no-tests': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

try {
  const projects = projectsNamed(positionals);
  await build();
  const reports = [];
  for (const project of projects) {
    const say = (line) => process.stderr.write(`${project.name}: ${line}\n`);
    const tests = !values['no-tests'];
    const options = { signal: interrupted.signal, say, tests, keep: values.keep };
    reports.push(await runProject(project, options));
    if (values.json !== undefined) await writeJson(values.json, reports);
  }
  console.log(reportOf(reports));
  if (reports.some(({ differences }) => differences.length > 0)) process.exitCode = 1;
} catch (error) {
  console.error(interrupted.signal.aborted ? 'Interrupted.' : (error.stack ?? error.message));
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}

function writeJson(file, reports) {
  const path = resolve(process.env.INIT_CWD ?? '.', file);
  return writeFile(path, `${JSON.stringify(reports, null, 2)}\n`);
}
