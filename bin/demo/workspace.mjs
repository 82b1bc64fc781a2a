import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { inRoot } from '../lib/project.mjs';
import { CommandFailed, run } from '../lib/run.mjs';

/** Something that the person who called can put right. */
export class Advice extends Error {}

/** The workspace that comes with the project: no dependencies, so no network either. */
export function sampleWorkspace() {
  const base = inRoot('test', 'workspaces');
  return {
    name: 'sample',
    isSample: true,
    root: join(base, 'sample'),
    directories: [join(base, 'sample'), join(base, 'outside')],
    base,
    packages: [],
    buildArgs: ['build', '--workspace', '--all-targets'],
  };
}

/**
 * Looks at the workspace that `path` belongs to, after cargo has fetched what it depends on.
 *
 * @param path an existing directory, or a Cargo.toml
 * @throws Advice when there is no such workspace
 */
export async function openWorkspace(path, { cargoArgs = [], signal } = {}) {
  const manifest = basename(path) === 'Cargo.toml' ? path : join(path, 'Cargo.toml');
  if (!existsSync(manifest)) {
    throw new Advice(
      `${path} is no cargo project: there is no ${manifest}.\nName a directory that holds a Cargo.toml: npm start -- path/to/project`,
    );
  }
  const metadata = await describe(manifest, signal);
  const root = metadata.workspace_root;
  const local = metadata.packages.filter(({ source }) => source === null);
  const outside = local
    .map(({ manifest_path }) => dirname(manifest_path))
    .filter((directory) => !isInside(directory, root));
  const directories = [root, ...new Set(outside)];
  return {
    name: basename(root),
    isSample: false,
    root,
    directories,
    base: outside.length === 0 ? dirname(root) : commonParent(directories),
    packages: metadata.packages.filter(({ source }) => source !== null),
    local: local.map(({ name }) => name),
    targetDirectory: metadata.target_directory,
    buildArgs: ['build', ...cargoArgs],
  };
}

async function describe(manifest, signal) {
  const env = { ...process.env, CARGO_TERM_COLOR: 'never' };
  const command = ['cargo', 'metadata', '--format-version', '1', '--manifest-path', manifest];
  try {
    await run(['cargo', 'fetch', '--manifest-path', manifest], { env, signal });
    const { stdout } = await run([...command, '--offline'], { env, signal });
    return JSON.parse(stdout);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new Advice(
      `cargo cannot open ${manifest}:\n${error.output.trimEnd()}\nMake \`cargo fetch\` work there, then try again.`,
    );
  }
}

/**
 * Puts the workspace, and the crates outside that it names by path, below `to`, in the same
 * places relative to each other: a clone of the commit where git has nothing to add, else a copy.
 *
 * @returns where the workspace's root is now
 */
export async function checkOut(workspace, to, { signal } = {}) {
  await mkdir(to, { recursive: true });
  const repository = workspace.isSample ? undefined : await cleanRepository(workspace, signal);
  if (repository !== undefined) {
    const clone = join(to, basename(repository));
    await run(['git', 'clone', '-q', '--no-hardlinks', repository, clone], { signal });
    const root = join(clone, relative(repository, await realpath(workspace.root)));
    await bringLockFile(workspace, root);
    return root;
  }
  for (const directory of workspace.directories) {
    await cp(directory, join(to, relative(workspace.base, directory)), {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
      filter: (source) => !isLeftOut(source, workspace),
    });
  }
  return join(to, relative(workspace.base, workspace.root));
}

function isLeftOut(source, { root, targetDirectory }) {
  if (source === targetDirectory || source === join(root, 'target')) return true;
  return (
    basename(source) === '.git' ||
    (basename(source) === 'target' && existsSync(join(source, 'CACHEDIR.TAG')))
  );
}

/** The repository that holds all of the workspace, with nothing uncommitted and no submodules. */
async function cleanRepository({ root, directories }, signal) {
  const git = (...args) => run(['git', '-C', root, ...args], { signal, allowFailure: true });
  const top = await git('rev-parse', '--show-toplevel').catch(() => ({ code: 1 }));
  if (top.code !== 0) return undefined;
  const repository = top.stdout.trim();
  const places = await Promise.all(directories.map((directory) => realpath(directory)));
  if (!places.every((place) => isInside(place, repository))) return undefined;
  if (existsSync(join(repository, '.gitmodules'))) return undefined;
  const manifests = directories.map((directory) => join(directory, 'Cargo.toml'));
  const tracked = await git('ls-files', '--error-unmatch', '--', ...manifests);
  if (tracked.code !== 0) return undefined;
  const status = await git('status', '--porcelain');
  return status.code === 0 && status.stdout.trim() === '' ? repository : undefined;
}

/** A Cargo.lock that git ignores still decides what is built. */
async function bringLockFile({ root }, clone) {
  const lock = join(root, 'Cargo.lock');
  if (existsSync(lock) && !existsSync(join(clone, 'Cargo.lock'))) {
    await copyFile(lock, join(clone, 'Cargo.lock'));
  }
}

function isInside(path, directory) {
  return path === directory || path.startsWith(directory + sep);
}

function commonParent(directories) {
  let parent = dirname(directories[0]);
  while (!directories.every((directory) => isInside(directory, parent))) parent = dirname(parent);
  return parent;
}
