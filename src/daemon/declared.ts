import { dirname } from 'node:path';
import type { Hasher } from '../base/digest.js';
import { readDeclared } from '../keying/declared.js';
import type { Tree } from '../keying/walk.js';
import type { PipelinePorts } from '../pipeline/ports.js';
import { isBroken, type ProjectConfigs } from './config/project.js';

/** What the velo.toml above a package declares as read by macros, and its state. */
export function openDeclared(
  projects: ProjectConfigs,
  tree: Tree,
  hasher: Hasher,
): PipelinePorts['declared'] {
  return async (packageDir) => {
    const project = projects.for(packageDir);
    if (isBroken(project)) return { kind: 'broken', problem: project.error.message };
    const { file, extraInputs: patterns } = project;
    if (file === null || patterns.length === 0) return undefined;
    const state = await readDeclared({ dir: dirname(file), patterns }, packageDir, tree, hasher);
    if ('problem' in state) return { kind: 'unclear', patterns, problem: state.problem };
    return { kind: 'known', ...state };
  };
}
