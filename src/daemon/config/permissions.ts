import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VriftError } from '../../base/errors.js';
import { printable } from '../../wire/printable.js';
import type { AllowedInfo, AllowInfo } from '../../wire/settings.js';
import { type RpcTable, textParam } from '../lifecycle/rpc.js';
import { type AllowedProjects, textDigest } from './allowed.js';
import { readTomlFile } from './file.js';
import { isBroken, PROJECT_FILE, type ProjectConfigs } from './project.js';

/** What `vrift allow` asks. The node reads the file itself: what is allowed is what it then obeys. */
export function permissionMethods(projects: ProjectConfigs, allowed: AllowedProjects): RpcTable {
  return {
    'project.allow': (params): AllowInfo => {
      const file = fileAt(textParam(params, 'path'));
      const text = readTomlFile(file)?.text ?? '';
      const before = projects.for(dirname(file));
      if (isBroken(before)) throw before.error;
      const { file: real, digest } = allowed.allow(file, text, Date.now());
      projects.reread();
      const now = projects.for(dirname(file));
      if (isBroken(now)) throw now.error;
      const gained = now.settings.filter(({ key }) => !before.settings.some((s) => s.key === key));
      return {
        file: real,
        digest,
        widens: gained,
        ignored: now.ignored.map(({ message }) => message),
      };
    },
    'project.disallow': (params): AllowInfo | null => {
      const path = textParam(params, 'path');
      const taken =
        allowed.revoke(realOr(path)) ?? allowed.revoke(realOr(join(path, PROJECT_FILE)));
      projects.reread();
      return taken === undefined ? null : { ...taken, widens: [], ignored: [] };
    },
    'project.allowed': (): AllowedInfo[] =>
      allowed
        .list()
        .map(({ file, digest, at }) => ({ file, digest, at, state: stateOf(file, digest) })),
  };
}

/** The file itself, or the one at or above a directory. */
function fileAt(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    if (path.endsWith(`/${PROJECT_FILE}`) && exists(path)) return path;
    throw new VriftError(
      'VRIFT_USAGE',
      printable(`${path} is neither a directory nor a ${PROJECT_FILE}`),
    );
  }
  for (let directory = path; ; directory = dirname(directory)) {
    const file = join(directory, PROJECT_FILE);
    if (exists(file)) return file;
    if (directory === dirname(directory)) break;
  }
  throw new VriftError('VRIFT_USAGE', printable(`no ${PROJECT_FILE} at or above ${path}`));
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** A permission may be taken back of a file that is gone. */
function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function stateOf(file: string, digest: string): AllowedInfo['state'] {
  try {
    return textDigest(readFileSync(file, 'utf8')) === digest ? 'holds' : 'changed';
  } catch {
    return 'gone';
  }
}
