#!/usr/bin/env node
// npm run mutate -- [--list FILE] [--only TEXT] [--out FILE]: switches off one mechanism after the
// other (list.txt) in a copy of this tree, and runs the tests that are there for it. A mutation
// that no test notices is a hole in the tests, unless the list says what else covers it.
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inRoot } from '../../bin/lib/project.mjs';
import { run } from '../../bin/lib/run.mjs';

const { values } = parseArgs({
  options: {
    list: { type: 'string', default: inRoot('bench/mutate/list.txt') },
    only: { type: 'string', default: '' },
    out: { type: 'string' },
  },
});

/** Blocks of `= file | test files | test name`, then `-`, `+` and `~` lines. */
function mutationsIn(text) {
  const blocks = text.split(/^= /m).slice(1);
  return blocks.map((block) => {
    const [heading, ...lines] = block.trimEnd().split('\n');
    const [file, tests, name] = heading.split(' | ');
    const after = (sign) =>
      lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1));
    const [from, to] = [after('-').join('\n'), after('+').join('\n')];
    return { heading, file, tests: tests.split(' '), name, from, to, covered: after('~')[0] };
  });
}

const COPIED = ['bin', 'dist', 'src', 'test', 'docs', 'package.json', 'package-lock.json'];

/** A tree of its own: tests build and start what lies around them. */
async function copyTree() {
  const dir = await mkdtemp(join(tmpdir(), 'vrift-mutate-'));
  for (const part of [...COPIED, 'tsconfig.json', 'vitest.config.ts']) {
    await cp(inRoot(part), join(dir, part), { recursive: true, preserveTimestamps: true });
  }
  await symlink(inRoot('node_modules'), join(dir, 'node_modules'));
  return dir;
}

/** `red`: noticed. `green`: not. Anything else says why nothing is known. */
async function judge(dir, { file, from, to, tests, name }) {
  const path = join(dir, 'src', file);
  const before = readFileSync(path, 'utf8');
  const parts = before.split(from);
  if (parts.length !== 2) return [`${parts.length - 1} places hold the text`];
  writeFileSync(path, parts.join(to));
  try {
    const options = { cwd: dir, allowFailure: true };
    const built = await run([process.execPath, 'bin/build.mjs'], options);
    if (built.code !== 0) return ['does not build', built.stderr];
    return await runTests(dir, tests, name);
  } finally {
    writeFileSync(path, before);
  }
}

async function runTests(dir, tests, name) {
  const report = join(dir, 'report.json');
  rmSync(report, { force: true });
  const vitest = ['node_modules/.bin/vitest', 'run', '--bail', '1', '--reporter=json'];
  const files = tests.map((test) => `test/${test}.test.ts`);
  const words = name === undefined ? [] : ['-t', name];
  // What is late on a busy machine has noticed nothing.
  const patient = ['--testTimeout=600000', '--hookTimeout=600000'];
  const command = [...vitest, ...patient, `--outputFile=${report}`, ...files, ...words];
  await run(command, { cwd: dir, allowFailure: true });
  if (!existsSync(report)) return ['no report'];
  const { testResults, numPassedTests } = JSON.parse(readFileSync(report, 'utf8'));
  const failures = testResults.flatMap(({ status, message, assertionResults }) => {
    const own = assertionResults.flatMap((result) => result.failureMessages ?? []);
    return status === 'failed' ? [...own, message] : own;
  });
  if (failures.length > 0) return [/timed out in/.test(failures[0]) ? 'late' : 'red', failures[0]];
  return [numPassedTests > 0 ? 'green' : 'no such test'];
}

const wanted = mutationsIn(readFileSync(values.list, 'utf8')).filter(({ heading, from }) =>
  `${heading} ${from}`.includes(values.only),
);
let holes = 0;
const dir = await copyTree();
try {
  for (const mutation of wanted) {
    const [verdict, why = ''] = await judge(dir, mutation);
    const covered = verdict === 'green' && mutation.covered !== undefined;
    if (verdict !== 'red' && !covered) holes += 1;
    const said = covered ? `covered: ${mutation.covered}` : why.split('\n')[0].slice(0, 100);
    const { heading, from, to } = mutation;
    const line = `${verdict}\t${heading}\t${from} → ${to}\t${said}`.replaceAll('\n', ' ');
    console.log(line);
    if (values.out !== undefined) appendFileSync(values.out, `${line}\n`);
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
console.log(`${wanted.length} mutations, ${holes} not noticed`);
process.exitCode = holes === 0 ? 0 : 1;
