import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import { builds } from './builds.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

it('coverage reports name real files', async (context) => {
  needs(context, 'strip');
  const { alice, bob } = await pair.both({
    'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
    'app/src/main.rs': 'fn main() { println!("{}", lib::seven()); }\n',
    'app/lib/Cargo.toml': manifest('lib'),
    'app/lib/src/lib.rs': 'pub fn seven() -> u32 { 7 }\n',
  });
  const covered = { env: { RUSTFLAGS: '-Cinstrument-coverage' } };
  await builds(alice, ['build'], { compiled: 2 }, covered);
  await builds(bob, ['build'], { peer: 2 }, covered);
  const files = await coveredFiles(bob);
  // The directory of the compile comes first; what is relative starts there: at the workspace.
  expect(files).toContain('./src/main.rs');
  expect(files).toContain('./lib/src/lib.rs');
  for (const file of files) expect(file).toMatch(/^(\.|\.\/(lib\/)?src\/\w+\.rs)$/);

  const env = { LLVM_PROFILE_FILE: join(bob.dir, 'counts.profraw') };
  await bob.developer.run(join(bob.dir, 'target/debug/app'), [], { cwd: bob.dir, env });
  expect((await readFile(env.LLVM_PROFILE_FILE)).length).toBeGreaterThan(0);
});

/** File names of the coverage maps of a debug program (LLVM's coverage mapping format, v4 on). */
async function coveredFiles(project: Project): Promise<Set<string>> {
  const program = join(project.dir, 'target/debug/app');
  const dump = join(project.dir, 'covmap');
  await project.developer.run('objcopy', [
    '--dump-section',
    `__llvm_covmap=${dump}`,
    program,
    '/dev/null',
  ]);
  const bytes = await readFile(dump);
  await rm(dump);
  const files = new Set<string>();
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    for (const name of fileNames(bytes.subarray(at + 16, at + 16 + length))) files.add(name);
    // Each map starts at a multiple of eight.
    at = (at + 16 + length + 7) & ~7;
  }
  return files;
}

function fileNames(encoded: Buffer): string[] {
  let at = 0;
  const number = (from: Buffer) => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = from[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const count = number(encoded);
  const size = number(encoded);
  const packed = number(encoded);
  const text =
    packed === 0 ? encoded.subarray(at, at + size) : inflateSync(encoded.subarray(at, at + packed));
  at = 0;
  return Array.from({ length: count }, () => {
    const length = number(text);
    at += length;
    return text.toString('utf8', at - length, at);
  });
}
