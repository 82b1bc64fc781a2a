import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Developer } from '../harness/developer.js';
import type { Files } from './support.js';
import { manifest } from './support.js';

/** Registry crates as `cargo fetch` would leave them below CARGO_HOME, without a network. */
export async function vendor(
  developer: Developer,
  crates: Readonly<Record<string, Files>>,
  cargoHome = developer.cargoHome,
): Promise<void> {
  const top = join(cargoHome, 'vendor');
  for (const [name, files] of Object.entries(crates)) {
    await put(join(top, `${name}-0.1.0`), {
      'Cargo.toml': manifest(name),
      '.cargo-checksum.json': JSON.stringify({ files: {}, package: '0'.repeat(64) }),
      ...files,
    });
  }
  const config = `[source.crates-io]
replace-with = "local"
[source.local]
directory = ${JSON.stringify(top)}
`;
  await put(cargoHome, { 'config.toml': config });
}

/** A repository that both developers reach under one URL. */
export async function gitServer(developer: Developer, dir: string, files: Files): Promise<string> {
  await put(dir, files);
  const who = ['-c', 'user.name=T', '-c', 'user.email=t@example.com'];
  for (const args of [
    ['init', '-q'],
    ['add', '.'],
    [...who, 'commit', '-qm', 'First'],
  ]) {
    await developer.run('git', args, { cwd: dir });
  }
  return `file://${dir}`;
}

async function put(top: string, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(top, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}
