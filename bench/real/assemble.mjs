import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../bin/lib/run.mjs';
import { fetchCrate } from './fetch.mjs';

/**
 * The sources of a project: a published crate as it is, or a workspace of several.
 *
 * @param to an existing directory that the sources are put into
 * @returns the workspace's root
 */
export async function sourceOf(project, to, { signal } = {}) {
  const root = join(to, project.name);
  if (project.uses !== undefined) {
    await writeProgram(project, root, signal);
    return root;
  }
  if (project.members === undefined) {
    await copyCrate(`${project.name}@${project.version}`, root, signal);
    return root;
  }
  const patches = [];
  const place = async (spec, directory, path) => {
    const [name] = spec.split('@');
    await copyCrate(spec, join(directory, name), signal);
    patches.push(`${name} = { path = "${path}/${name}" }`);
  };
  await mkdir(join(root, 'crates'), { recursive: true });
  for (const spec of project.members) await place(spec, join(root, 'crates'), 'crates');
  for (const spec of project.outside ?? []) await place(spec, join(to, 'outside'), '../outside');
  const workspace = '[workspace]\nmembers = ["crates/*"]\nresolver = "2"\n';
  const text = `${workspace}\n[patch.crates-io]\n${patches.join('\n')}\n`;
  await writeFile(join(root, 'Cargo.toml'), text);
  await copyFile(join(root, 'crates', project.name, 'Cargo.lock'), join(root, 'Cargo.lock'));
  await pin(project.pins ?? [], root, signal);
  return root;
}

/** A package of its own, with the versions that cargo chooses today where none is named. */
async function writeProgram({ name, version, uses, builds = [], files }, root, signal) {
  const tables = [
    `[package]\nname = "${name}"\nversion = "${version}"\nedition = "2021"\n`,
    `[dependencies]\n${uses.join('\n')}\n`,
    `[build-dependencies]\n${builds.join('\n')}\n`,
  ];
  const all = { ...files, 'Cargo.toml': tables.join('\n') };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await run(['cargo', 'generate-lockfile'], { cwd: root, signal });
}

/** Without a toolchain file: all is built with the caller's toolchain, and none is installed. */
async function copyCrate(spec, to, signal) {
  await cp(await fetchCrate(spec, { signal }), to, { recursive: true, preserveTimestamps: true });
  for (const name of ['rust-toolchain', 'rust-toolchain.toml']) {
    await rm(join(to, name), { force: true });
  }
}

/** Takes back to the named versions what cargo has to choose itself. */
async function pin(specs, root, signal) {
  const before = await lockedVersions(root);
  await run(['cargo', 'metadata', '--format-version', '1'], { cwd: root, signal });
  const chosen = (await lockedVersions(root)).filter((spec) => !before.includes(spec));
  for (const spec of specs) {
    const [name, version] = spec.split('@');
    const now = chosen.find((candidate) => candidate.startsWith(`${name}@`));
    if (now === undefined || now === spec) continue;
    await run(['cargo', 'update', now, '--precise', version], { cwd: root, signal });
  }
}

async function lockedVersions(root) {
  const text = await readFile(join(root, 'Cargo.lock'), 'utf8');
  return [...text.matchAll(/^name = "(.+)"\nversion = "(.+)"$/gm)].map(
    ([, name, version]) => `${name}@${version}`,
  );
}
