import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toVriftError, VriftError } from '../../base/errors.js';
import { ask } from '../../wire/ask.js';
import type { StartInfo } from '../../wire/control.js';
import { type HomePaths, homePaths } from '../../wire/home.js';
import { isOfProject, nodeEnvironment } from './environment.js';
import { prepareHome } from './home.js';
import { reportFile, takeReport } from './report.js';

export interface SpawnOptions {
  home: string;
  env: NodeJS.ProcessEnv;
  /** How long a start may take in all. */
  withinMs?: number;
}

const START_MS = 10_000;
const POLL_MS = 15;
/** After a faster starter's node has taken the home, and does not answer yet. */
const LOSER_WAIT_MS = 200;
const DISMISS_MS = 2000;
/** What a call leaves behind is small and dies young: a large nursery would only stay resident. */
const NODE_FLAGS = ['--max-semi-space-size=2'];
const MAX_OUTPUT_BYTES = 256 * 1024;

/**
 * Makes sure that a node serves this home: finds the running one or starts one that outlives this
 * process, its terminal and its pipes. Several starters at once find the same node.
 *
 * @throws VRIFT_NODE_START, or what kept the node from starting (VRIFT_CONFIG_INVALID, …)
 */
export async function spawnNode(options: SpawnOptions): Promise<StartInfo> {
  if (isOfProject(options.env)) refuseUnknownHome(options.home);
  const paths = prepareHome(options.home);
  const until = Date.now() + (options.withinMs ?? START_MS);
  let child: Detached | undefined;
  try {
    while (Date.now() < until) {
      const info = await answering(paths.home, until - Date.now());
      if (info !== undefined) {
        if (child !== undefined && child.pid !== info.pid) await child.dismiss();
        return info;
      }
      child ??= new Detached(paths, options.env);
      if (child.exitCode === undefined) {
        await sleep(POLL_MS);
        continue;
      }
      if (child.exitCode !== 0) throw child.failure();
      child.forget();
      child = undefined;
      await sleep(LOSER_WAIT_MS);
    }
  } finally {
    // Whatever came of it: a child that is not let go of would hold this process as long as it runs.
    child?.forget();
  }
  throw new VriftError('VRIFT_NODE_START', `no node answered for ${paths.home} in time`);
}

/** A clone can name any directory, one of its own as well; it cannot bring a file that is private. */
function refuseUnknownHome(home: string): void {
  const key = statSync(homePaths(home).nodeKey, { throwIfNoEntry: false });
  if (key?.uid === process.getuid?.() && key !== undefined && (key.mode & 0o077) === 0) return;
  throw new VriftError(
    'VRIFT_HOME_UNUSABLE',
    `no node was ever started for ${home}, and a project may have named it: start it outside of cargo`,
  );
}

async function answering(home: string, withinMs: number): Promise<StartInfo | undefined> {
  try {
    return (await ask(home, 'ping', {}, { timeoutMs: withinMs })) as StartInfo;
  } catch (error) {
    const known = toVriftError(error);
    // A node that fails to open tells every asker why; its starter has the report too.
    if (known.code === 'VRIFT_NODE_ABSENT') return undefined;
    throw known;
  }
}

/**
 * Becomes the command with the soft limits that a caller may have lowered (file size, processor
 * time, memory, open files) as high as they may be: the node outlives the caller.
 */
const WITHOUT_LIMITS = `
for limit in f t v d n; do
  ulimit -S -$limit "$(ulimit -H -$limit)" 2>/dev/null
done
unset PWD OLDPWD SHLVL
exec "$@"`;

/** A node in a session of its own, with nothing of the caller's but an allow-listed environment. */
class Detached {
  readonly #paths: HomePaths;
  readonly #process: ChildProcess;
  readonly #report: string;
  /** Undefined while it runs; 1 for one that a signal ended or that could not be started. */
  exitCode: number | undefined;

  constructor(paths: HomePaths, env: NodeJS.ProcessEnv) {
    this.#paths = paths;
    this.#report = reportFile(paths.run, randomBytes(8).toString('hex'));
    const size = statSync(paths.output, { throwIfNoEntry: false })?.size ?? 0;
    const output = openSync(paths.output, size > MAX_OUTPUT_BYTES ? 'w' : 'a', 0o600);
    const entry = fileURLToPath(new URL('./entry.js', import.meta.url));
    const node = [process.execPath, ...NODE_FLAGS, entry, paths.home, this.#report];
    this.#process = spawn('/bin/sh', ['-c', WITHOUT_LIMITS, 'sh', ...node], {
      cwd: paths.home,
      env: nodeEnvironment(env, paths.home),
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#process.on('error', () => {
      this.exitCode = 1;
    });
    this.#process.on('exit', (code) => {
      this.exitCode = code ?? 1;
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Ends a node that came second, so that it does not take over when the first one is stopped. */
  async dismiss(): Promise<void> {
    if (this.exitCode !== undefined) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await Promise.race([ended, sleep(DISMISS_MS, undefined, { ref: false })]);
  }

  /** Why it ended: its own report, else the last words of Node itself. */
  failure(): VriftError {
    const report = takeReport(this.#report);
    if (report !== undefined) return report;
    const said = lastWords(this.#paths.output) || silence(this.#paths.home);
    return new VriftError('VRIFT_NODE_START', `the node ended while it started: ${said}`);
  }

  /** Lets this process end while the node lives on. */
  forget(): void {
    this.#process.unref();
    rmSync(this.#report, { force: true });
  }
}

/** On a full disk a node can leave no word. */
function silence(home: string): string {
  return statfsSync(home).bavail === 0 ? `the disk of ${home} is full` : 'it left no word';
}

function lastWords(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    return lines.findLast((line) => /error/i.test(line))?.trim() ?? lines.at(-1) ?? '';
  } catch {
    return '';
  }
}
