import type { VriftError } from '../../base/errors.js';
import type { PipelinePorts } from '../../pipeline/ports.js';
import type { NodeContext } from '../lifecycle/serve.js';
import { type BrokenProject, isBroken, type ProjectConfig } from './project.js';

/**
 * What the projects of a call say: the one that it is built for, and, where that is another, the
 * one that the crate belongs to. Private code stays private in whatever project uses it.
 */
export function openRules({
  projects,
  stats,
  log,
}: Pick<NodeContext, 'projects' | 'stats' | 'log'>): PipelinePorts['rules'] {
  const warned = new WeakSet<VriftError>();
  const broken = ({ error }: BrokenProject) => {
    stats.error(error.code);
    return error.message;
  };
  return (outDir, cwd, packageDir) => {
    const project = projects.for(outDir, cwd);
    if (isBroken(project)) return broken(project);
    const home = packageDir === undefined ? project : projects.for(packageDir);
    if (isBroken(home)) return broken(home);
    for (const error of project.ignored) {
      if (warned.has(error)) continue;
      warned.add(error);
      log.warn('project', error.code, error.message);
    }
    return {
      enabled: project.enabled,
      cacheTargets: project.cacheTargets ?? undefined,
      cacheExtensions: project.cacheExtensions ?? undefined,
      runScripts: project.runScripts,
      checkRate: project.verify,
      ...privacyOf(project, home),
    };
  };
}

function privacyOf(project: ProjectConfig, home: ProjectConfig) {
  const exclude = [...new Set([...project.exclude, ...home.exclude])];
  return { share: project.share && home.share, ownShare: home.share, exclude };
}
