import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { userCargoHome } from '../../bin/demo/cargoHome.mjs';
import { run } from '../../bin/lib/run.mjs';

/** Outside the project: every clone of it uses the same crates. */
const CACHE = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'vrift-bench',
  'crates',
);
const SPEC = /^([A-Za-z0-9_-]+)@(\d+\.\d+\.\d+\S*)$/;

/** Whether `text` is a crate of the registry (`ripgrep@15.1.0`) rather than a path. */
export const isCrateSpec = (text) => SPEC.test(text);

/**
 * The source of a published crate, as its author built it: with its Cargo.lock where it ships
 * one. Downloaded once, with cargo, into a cache of the user's.
 *
 * @returns its directory
 */
export async function fetchCrate(spec, { signal } = {}) {
  const [, name, version] = SPEC.exec(spec);
  const directory = join(CACHE, `${name}-${version}`);
  if (existsSync(directory)) return directory;
  const source = await download(name, version, signal);
  await mkdir(CACHE, { recursive: true });
  const fresh = `${directory}.${process.pid}`;
  await cp(source, fresh, { recursive: true });
  await rename(fresh, directory);
  return directory;
}

/** A package that depends on the crate makes cargo fetch it; only its source is of interest. */
async function download(name, version, signal) {
  const stub = await mkdtemp(join(tmpdir(), 'vrift-fetch-'));
  try {
    await mkdir(join(stub, 'src'));
    await writeFile(join(stub, 'src', 'lib.rs'), '');
    await writeFile(
      join(stub, 'Cargo.toml'),
      `[package]\nname = "stub"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\n${name} = "=${version}"\n`,
    );
    await run(['cargo', 'fetch'], { cwd: stub, signal });
    return await unpackedSource(`${name}-${version}`);
  } finally {
    await rm(stub, { recursive: true, force: true });
  }
}

/** `cargo metadata` leaves out packages without a library, so look where cargo unpacks. */
async function unpackedSource(name) {
  const sources = join(userCargoHome(), 'registry', 'src');
  for (const registry of await readdir(sources)) {
    const directory = join(sources, registry, name);
    if (existsSync(directory)) return directory;
  }
  throw new Error(`cargo fetched ${name}, but it is not below ${sources}`);
}
