#!/usr/bin/env node
// npm test: everything that has to hold before a change goes in, from a bare clone.
// Arguments go to vitest (`npm test -- test/store`). The last line counts checks and tests.
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, installDependencies } from './build.mjs';
import { inRoot, ROOT, readIfThere } from './lib/project.mjs';
import { run } from './lib/run.mjs';

const tool = (name) => inRoot('node_modules', '.bin', name);

/** Each is one check in the count; all of them run, whatever the others say. */
const CHECKS = [
  { name: 'build', perform: build },
  { name: 'biome', command: [tool('biome'), 'check', '.'] },
  { name: 'oxlint', command: [tool('oxlint'), '--deny-warnings'] },
  { name: 'types (src)', command: [tool('tsc'), '--noEmit', '-p', 'tsconfig.json'] },
  { name: 'types (test)', command: [tool('tsc'), '--noEmit', '-p', 'test/tsconfig.json'] },
];

async function main(vitestArgs) {
  await installDependencies();
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const check of CHECKS) {
    if (await passes(check)) count.passed += 1;
    else count.failed += 1;
  }
  const tests = await runVitest(vitestArgs);
  count.passed += tests.passed;
  count.failed += tests.failed;
  count.skipped += tests.skipped;
  console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  return count.failed === 0 ? 0 : 1;
}

async function passes({ name, command, perform }) {
  try {
    await (perform ? perform() : run(command, { cwd: ROOT }));
    console.log(`ok      ${name}`);
    return true;
  } catch (error) {
    console.log(`failed  ${name}\n${error.message}`);
    return false;
  }
}

/** A run that ends badly without a failed test (a crash, an unhandled error) counts as one. */
async function runVitest(args) {
  const report = join(tmpdir(), `vrift-tests-${process.pid}.json`);
  try {
    const { code } = await run(
      [
        tool('vitest'),
        'run',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...args,
      ],
      { cwd: ROOT, show: true, allowFailure: true },
    );
    const text = readIfThere(report);
    const counted = text === undefined ? { passed: 0, failed: 0, skipped: 0 } : countTests(text);
    if (code !== 0 && counted.failed === 0) counted.failed = 1;
    return counted;
  } finally {
    rmSync(report, { force: true });
  }
}

function countTests(text) {
  const report = JSON.parse(text);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + suitesThatDidNotLoad(report),
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** A file that cannot be imported has no tests to count, and must not look like success. */
function suitesThatDidNotLoad(report) {
  return report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((t) => t.status === 'failed'),
  ).length;
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  console.log('0 passed, 1 failed, 0 skipped');
  return 1;
});
