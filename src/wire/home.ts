import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where things live in a VRIFT_HOME. The launcher knows `run`, `socket` and `fallbacks` too. */
export interface HomePaths {
  home: string;
  /** The user's settings. */
  config: string;
  /** 0700: the guard of the socket, which Node binds 0755. */
  run: string;
  socket: string;
  lock: string;
  /** One word per line from launchers that went on without the node. */
  fallbacks: string;
  /** A launcher met silence; the others leave the node alone while this is young. */
  hung: string;
  logDir: string;
  log: string;
  /** What a detached node writes to stdout and stderr: nothing, unless Node itself fails. */
  output: string;
  /** What self-checks found, each in a folder of its own. */
  differences: string;
  identity: string;
  /** Private key and certificate. */
  nodeKey: string;
  /** Which texts of projects' files may widen what holds for them. */
  allowed: string;
  /** The store, unless `local_path` names another place. */
  store: string;
}

/**
 * The home that an environment names: VRIFT_HOME, else `~/.vrift`. A relative one counts from
 * the current directory.
 */
export function homeOf(env: NodeJS.ProcessEnv): string {
  const named = env.VRIFT_HOME;
  if (named !== undefined && named !== '') return resolve(named);
  return join(env.HOME || homedir(), '.vrift');
}

export function homePaths(home: string): HomePaths {
  const run = join(home, 'run');
  const logDir = join(home, 'log');
  return {
    home,
    config: join(home, 'config.toml'),
    run,
    socket: join(run, 'node.sock'),
    lock: join(run, 'lock'),
    fallbacks: join(run, 'fallbacks'),
    hung: join(run, 'hung'),
    logDir,
    log: join(logDir, 'node.log'),
    output: join(logDir, 'node.out'),
    differences: join(logDir, 'differences'),
    identity: join(home, 'identity'),
    nodeKey: join(home, 'identity', 'node.pem'),
    allowed: join(home, 'allowed.json'),
    store: join(home, 'l2'),
  };
}
