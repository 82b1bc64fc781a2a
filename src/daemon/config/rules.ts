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
  const exclude = project === home ? project.exclude : unionOf(project.exclude, home.exclude);
  return { share: project.share && home.share, ownShare: home.share, exclude };
}

/** The same list for the same two lists: what is known of it is found again (`isExcluded`). */
function unionOf(one: readonly string[], other: readonly string[]): readonly string[] {
  if (other.length === 0) return one;
  if (one.length === 0) return other;
  let unions = UNIONS.get(one);
  if (unions === undefined) {
    unions = new WeakMap();
    UNIONS.set(one, unions);
  }
  let union = unions.get(other);
  if (union === undefined) {
    union = [...new Set([...one, ...other])];
    unions.set(other, union);
  }
  return union;
}

const UNIONS = new WeakMap<readonly string[], WeakMap<readonly string[], readonly string[]>>();
