import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { run } from '../lib/run.mjs';

/** Where the caller's cargo keeps what it downloads. */
export function userCargoHome() {
  return process.env.CARGO_HOME || join(homedir(), '.cargo');
}

/**
 * Gives a CARGO_HOME the sources of `packages` out of the caller's, so that cargo needs no
 * network and every source path is another one. Files are linked where that is possible: cargo
 * only reads them. What cargo writes (the index) is copied.
 */
export async function furnishCargoHome(to, packages, from = userCargoHome()) {
  await mkdir(to, { recursive: true });
  for (const name of ['config.toml', 'config', 'credentials.toml']) {
    if (existsSync(join(from, name))) await copyFile(join(from, name), join(to, name));
  }
  const index = join(from, 'registry', 'index');
  if (packages.length > 0 && existsSync(index)) {
    await cp(index, join(to, 'registry', 'index'), { recursive: true, preserveTimestamps: true });
  }
  const wanted = new Set(packages.flatMap((pkg) => sourcesOf(pkg, resolve(from))));
  for (const path of wanted) {
    if (existsSync(join(from, path))) await link(join(from, path), join(to, path));
  }
}

/** Paths below CARGO_HOME that hold one package: its unpacked source and what it came as. */
function sourcesOf({ manifest_path, name, version }, cargoHome) {
  const parts = relative(cargoHome, dirname(manifest_path)).split(sep);
  const [kind, place, origin] = parts;
  if (kind === 'registry' && place === 'src') {
    const archive = join('registry', 'cache', origin, `${name}-${version}.crate`);
    return [join(...parts.slice(0, 4)), archive];
  }
  if (kind === 'git' && place === 'checkouts') {
    return [join('git', 'db', origin), join('git', 'checkouts', origin)];
  }
  return []; // vendored, or named by path
}

async function link(from, to) {
  await mkdir(dirname(to), { recursive: true });
  const linked = await run(['cp', '-al', from, to], { allowFailure: true });
  if (linked.code !== 0) {
    await cp(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  }
}
