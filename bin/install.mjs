#!/usr/bin/env node
// Runs after `npm install` of the package: makes sure that the launcher works on this platform.
// It never fails the install, because everything but the launcher works without it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inRoot } from './lib/project.mjs';

/** @returns what the user has to do next, or undefined when all is well */
export async function installLauncher() {
  if (existsSync(inRoot('tsconfig.json'))) return undefined; // a checkout: `npm run build` does it
  const { buildObserver } = await import('./build-observer.mjs');
  await buildObserver();
  const launcher = inRoot('bin', 'vrift-rustc');
  if (runs(launcher)) return undefined;
  try {
    const { buildLauncher } = await import('./build-launcher.mjs');
    await buildLauncher({ force: true });
    if (runs(launcher)) return undefined;
    return adviceFor('it was built, but does not run');
  } catch (error) {
    return adviceFor(error.message);
  }
}

function runs(launcher) {
  const { status } = spawnSync(launcher, ['--version'], { stdio: 'ignore' });
  return status === 0;
}

function adviceFor(reason) {
  return [
    `vrift: the launcher (bin/vrift-rustc) could not be made ready: ${reason}`,
    'Builds run as without vrift until it is. Install Rust (https://rustup.rs), then run:',
    `    node ${JSON.stringify(inRoot('bin', 'install.mjs'))}`,
  ].join('\n');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const advice = await installLauncher().catch((error) => adviceFor(error.message));
  if (advice !== undefined) console.error(advice);
}
