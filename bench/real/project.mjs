import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWorkspace } from '../../bin/demo/workspace.mjs';
import { sourceOf } from './assemble.mjs';
import { Office } from './office.mjs';
import { Report } from './report.mjs';
import { Run } from './run.mjs';

/**
 * One project through all steps of docs/real-projects.md, in a temporary folder.
 *
 * @param say called with a line of progress
 * @param tests false: only programs are built, and no test is run
 * @returns the report; its `differences` are empty when all is well
 */
export async function runProject(project, { signal, say, tests = true, keep }) {
  const scratch = await mkdtemp(join(tmpdir(), 'vrift-real-'));
  let office;
  try {
    const source = await sourceOf(project, join(scratch, 'source'), { signal });
    const workspace = await openWorkspace(source, { signal });
    office = new Office(scratch, workspace, { signal });
    await office.open();
    return await new Run(project, office, new Report(project, say), tests).all();
  } finally {
    await office?.close();
    if (keep) say(`kept: ${scratch}`);
    else await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
