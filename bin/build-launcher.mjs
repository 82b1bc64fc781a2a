#!/usr/bin/env node
// Builds bin/vrift-rustc from src/launcher. Whoever wraps a rustc has one, and plain rustc is
// enough: the launcher uses std only.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inRoot, ROOT } from './lib/project.mjs';
import { CommandFailed, run } from './lib/run.mjs';

const FLAGS = ['--edition', '2021', '-O', '-C', 'panic=abort', '-C', 'strip=symbols'];

/** Best first: a static program starts in half the time, but not every platform can link one. */
const LINKINGS = [
  { linking: 'static', flags: ['-C', 'target-feature=+crt-static'] },
  { linking: 'dynamic', flags: [] },
];

/**
 * Builds the launcher unless it is newer than all its sources. The program is replaced in one
 * step, so that a build that runs meanwhile never starts half of it.
 *
 * @returns where it is, and how it was linked: 'static', 'dynamic' or, when it was up to date, null
 */
export async function buildLauncher({
  force = false,
  target = inRoot('bin', 'vrift-rustc'),
  rustc = process.env.RUSTC || 'rustc',
} = {}) {
  const sources = inRoot('src', 'launcher');
  if (!force && isNewer(target, sources)) return { path: target, linking: null };

  const directory = join(target, '..');
  mkdirSync(directory, { recursive: true });
  const scratch = mkdtempSync(join(directory, '.vrift-rustc-'));
  const fresh = join(scratch, 'vrift-rustc');
  const started = new Date();
  try {
    const linking = await compile(rustc, fresh);
    // As old as what it was made from: an edit during the compile is newer.
    utimesSync(fresh, started, started);
    renameSync(fresh, target);
    return { path: target, linking };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Names the source relative to the root, so that no path of this machine is in the program. */
async function compile(rustc, output) {
  const failures = [];
  for (const { linking, flags } of LINKINGS) {
    try {
      const command = [rustc, ...FLAGS, ...flags, '-o', output, 'src/launcher/main.rs'];
      await run(command, { cwd: ROOT, env: plainEnvironment() });
      await run([output, '--version']);
      return linking;
    } catch (error) {
      if (error.code === 'ENOENT' && error.path === rustc) throw noCompiler(rustc);
      failures.push(error);
    }
  }
  const last = failures.at(-1);
  const said = last instanceof CommandFailed ? last.message : String(last);
  throw new Error(
    `The launcher could not be built.\n${said}\nCheck that \`${rustc} -vV\` works and is 1.77 or newer; \`rustup update\` gets a new one.`,
  );
}

function noCompiler(rustc) {
  return new Error(
    `The launcher could not be built: no \`${rustc}\` was found.\nInstall Rust (https://rustup.rs), or name a compiler with RUSTC=…, then run: node bin/build-launcher.mjs`,
  );
}

/** Without what would put vrift, or another wrapper, around this very build. */
function plainEnvironment() {
  const environment = { ...process.env };
  for (const name of ['RUSTC_WRAPPER', 'RUSTC_WORKSPACE_WRAPPER']) delete environment[name];
  return environment;
}

function isNewer(target, sources) {
  const built = statSync(target, { throwIfNoEntry: false });
  return built !== undefined && !isEditedAfter(sources, built.mtimeMs);
}

function isEditedAfter(sources, timeMs) {
  return readdirSync(sources)
    .filter((name) => name.endsWith('.rs'))
    .some((name) => statSync(join(sources, name)).mtimeMs > timeMs);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { path, linking } = await buildLauncher({ force: process.argv.includes('--force') });
    console.log(linking === null ? `${path} is up to date` : `${path} (${linking})`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
