#!/usr/bin/env node
// Builds bin/vrift-observer.so from src/observer: what is preloaded into a compiler to see what it
// reads. Linux only, and only where there is a C compiler; without it nothing is observed.
import { mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inRoot, ROOT } from './lib/project.mjs';
import { run } from './lib/run.mjs';

const FLAGS = ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Wl,--build-id=none', '-s'];

/** @returns where it is, or undefined where it cannot be built */
export async function buildObserver({
  force = false,
  target = inRoot('bin', 'vrift-observer.so'),
  cc = process.env.CC || 'cc',
} = {}) {
  if (process.platform !== 'linux') return undefined;
  const source = inRoot('src', 'observer', 'observer.c');
  if (!force && isNewer(target, source) && (await loads(target))) return target;
  const scratch = mkdtempSync(join(target, '..', '.vrift-observer-'));
  const fresh = join(scratch, 'observer.so');
  try {
    await run([cc, ...FLAGS, '-o', fresh, 'src/observer/observer.c', '-ldl'], { cwd: ROOT });
    if (!(await loads(fresh))) throw new Error('it was built, but does not load here');
    renameSync(fresh, target);
    return target;
  } catch (error) {
    console.error(`The observer could not be built; macros' undeclared inputs stay unseen.`);
    console.error(error.message);
    return undefined;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isNewer(target, source) {
  const built = statSync(target, { throwIfNoEntry: false });
  return built !== undefined && built.mtimeMs > statSync(source).mtimeMs;
}

/** One that does not (another processor, another C library) would complain in every build. */
async function loads(library) {
  const env = { PATH: process.env.PATH, LD_PRELOAD: library };
  const { code, stderr } = await run(['/bin/sh', '-c', ':'], { env, allowFailure: true });
  return code === 0 && stderr === '';
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log((await buildObserver({ force: process.argv.includes('--force') })) ?? 'no observer');
}
