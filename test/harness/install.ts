import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inProject } from './project.js';

/**
 * A second installation of vrift, for what a test has to change in it: another protocol version,
 * say. Returns its bin directory.
 *
 * @param edits file below dist/ → what to replace in it; a text that is not there fails
 */
export async function installCopy(
  to: string,
  edits: Readonly<Record<string, readonly [from: string, to: string]>>,
): Promise<string> {
  await mkdir(to, { recursive: true });
  for (const part of ['bin', 'dist', 'package.json']) {
    await cp(inProject(part), join(to, part), { recursive: true });
  }
  await symlink(inProject('node_modules'), join(to, 'node_modules'));
  for (const [file, [before, after]] of Object.entries(edits)) {
    const path = join(to, 'dist', file);
    const text = await readFile(path, 'utf8');
    if (!text.includes(before)) throw new Error(`${path} does not hold ${before}`);
    await writeFile(path, text.replace(before, after));
  }
  return join(to, 'bin');
}
