#!/usr/bin/env node
// npm run build: dependencies, then src/ → dist/, then the launcher. Whatever is up to date stays.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inRoot, ROOT, readIfThere } from './lib/project.mjs';
import { run } from './lib/run.mjs';

/** Makes everything that the two programs in bin/ need. */
export async function build() {
  await installDependencies();
  await compileSources();
  const { buildLauncher } = await import('./build-launcher.mjs');
  await buildLauncher();
  const { buildObserver } = await import('./build-observer.mjs');
  await buildObserver();
}

/** Installs what package.json pins, unless exactly that is there already. */
export async function installDependencies() {
  const { dependencies, devDependencies } = JSON.parse(readIfThere(inRoot('package.json')));
  const wanted = Object.entries({ ...dependencies, ...devDependencies });
  if (wanted.every(([name, version]) => isInstalled(name, version))) return;
  console.error('Installing dependencies …');
  // A registry that lacks the packages of some platform makes `npm ci` refuse a lock file that
  // `npm install` can use. Neither changes it.
  const quiet = ['--no-fund', '--no-audit'];
  const exact = await run(['npm', 'ci', ...quiet], { cwd: ROOT, allowFailure: true });
  if (exact.code === 0) return;
  await run(['npm', 'install', '--no-save', ...quiet], { cwd: ROOT });
}

function isInstalled(name, version) {
  const manifest = readIfThere(inRoot('node_modules', name, 'package.json'));
  if (manifest === undefined) return false;
  return /^\d/.test(version) ? JSON.parse(manifest).version === version : true;
}

/**
 * Compiles into a directory beside dist/ and moves each file over, so that a program that is
 * being started meanwhile reads whole files, and outputs of removed sources go away.
 */
async function compileSources() {
  const stamp = describeSources();
  if (readIfThere(inRoot('dist/.stamp')) === stamp) return;
  const fresh = inRoot(`dist-${process.pid}`);
  try {
    const tsc = inRoot('node_modules/.bin/tsc');
    await run([tsc, '-p', 'tsconfig.json', '--outDir', fresh, '--noEmitOnError'], { cwd: ROOT });
    const made = listFiles(fresh);
    for (const file of made) {
      const target = inRoot('dist', relative(fresh, file));
      mkdirSync(dirname(target), { recursive: true });
      renameSync(file, target);
    }
    const kept = new Set(made.map((file) => relative(fresh, file)));
    for (const file of listFiles(inRoot('dist'))) {
      if (!kept.has(relative(inRoot('dist'), file))) rmSync(file, { force: true });
    }
    writeFileSync(inRoot('dist/.stamp'), stamp);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Changes whenever a source is edited, added or removed, or the compiler is another one. */
function describeSources() {
  const files = [
    inRoot('tsconfig.json'),
    inRoot('node_modules/typescript/package.json'),
    ...listFiles(inRoot('src')).filter((file) => file.endsWith('.ts')),
  ];
  const lines = files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    return `${relative(ROOT, file)} ${size} ${mtimeMs}`;
  });
  return lines.sort().join('\n');
}

function listFiles(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await build();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
