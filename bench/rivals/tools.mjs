import { existsSync, realpathSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inRoot } from '../../bin/lib/project.mjs';
import { run } from '../../bin/lib/run.mjs';

/** Outside the project: every clone of it uses the same programs. */
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vrift-bench', 'tools');

/** What is measured against, as their own pages say that they are set up. */
const RIVALS = {
  // Its lock file names versions that not every registry carries.
  kache: { version: '2.0.0', locked: false },
  mbx: { version: '1.29.1' },
  sccache: { version: '0.19.0', flags: ['--no-default-features'] },
};

/**
 * Installs the rivals at the pinned versions, once per user.
 *
 * @returns name → path of its program
 */
export async function installRivals(names, { say, signal }) {
  const programs = {};
  for (const name of names) {
    const { version, flags = [], locked = true } = RIVALS[name];
    const root = join(CACHE, `${name}-${version}`);
    const program = join(root, 'bin', name);
    if (!existsSync(program)) {
      say(`installing ${name} ${version}, once; that takes some minutes`);
      await mkdir(root, { recursive: true });
      const command = ['cargo', 'install', `${name}@${version}`, ...flags];
      if (locked) command.push('--locked');
      await run([...command, '--root', root], { signal });
    }
    programs[name] = realpathSync(program);
  }
  return programs;
}

/** The wrapper that puts files back and checks nothing. */
export async function buildReplay() {
  const program = inRoot('bench', '.cache', 'replay');
  await mkdir(inRoot('bench', '.cache'), { recursive: true });
  const flags = ['--edition', '2021', '-O', '-C', 'panic=abort'];
  const source = inRoot('bench', 'replay', 'main.rs');
  await run(['rustc', ...flags, '-C', 'target-feature=+crt-static', '-o', program, source]);
  return program;
}
