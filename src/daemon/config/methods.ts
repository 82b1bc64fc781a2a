import type { CargoEditInfo, ErrorInfo, ProjectInfo } from '../../wire/settings.js';
import { flagParam, type RpcTable, textParam } from '../lifecycle/rpc.js';
import { addWrapper, removeWrapper, wrapperIn } from './cargo.js';
import { isBroken, type ProjectConfigs } from './project.js';

/** What the command line asks about settings: it reads no TOML itself. */
export function settingsMethods(projects: ProjectConfigs): RpcTable {
  return {
    'project.check': (params): ProjectInfo => {
      const project = projects.for(textParam(params, 'cwd'));
      if (isBroken(project)) {
        return { file: project.file, error: errorInfo(project.error), ignored: [] };
      }
      return { file: project.file, error: null, ignored: project.ignored.map(errorInfo) };
    },
    'cargo.wrapper': (params): { wrapper: string | null } => ({
      wrapper: wrapperIn(textParam(params, 'text'), textParam(params, 'file')),
    }),
    'cargo.init': (params): CargoEditInfo => {
      const text = textParam(params, 'text');
      const file = textParam(params, 'file');
      if (flagParam(params, 'undo')) return removeWrapper(text, file);
      return addWrapper(text, textParam(params, 'wrapper'), file);
    },
  };
}

function errorInfo({ code, message, hint }: ErrorInfo): ErrorInfo {
  return { code, message, hint };
}
