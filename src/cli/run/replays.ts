import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ScriptInfo } from '../../wire/control.js';
import { VriftError } from '../../wire/failure.js';
import { workspaceRoot } from '../cargo/files.js';
import { type Cli, usageError } from '../command.js';
import { launcherPath } from '../launcher.js';
import { runChild } from './child.js';

/** How the run of one build script compared with the recorded one. */
export interface ReplayInfo {
  package: string;
  ending: 'same' | 'differs' | 'not replayed';
  /** Why it is not replayed. */
  reason: string;
}

/**
 * Builds the workspace around the current directory twice, each time into an empty target directory
 * that is removed afterwards; the second time every build script that could be replayed runs all
 * the same, and is compared with the recorded run.
 *
 * @param args of `cargo build`
 * @throws VRIFT_CARGO_CONFIG, VRIFT_BUILD_FAILED
 */
export async function compareReplays(cli: Cli, args: readonly string[]): Promise<ReplayInfo[]> {
  const moved = args.find((arg) => /^--(target-dir|manifest-path)(=|$)/.test(arg));
  if (moved !== undefined)
    throw usageError(`${moved}: change to the workspace's directory instead`);
  const root = workspaceRoot(cli.cwd, cli.env);
  await cli.node.start();
  // Beside the usual one: what lies around a target directory tells a script's workspace.
  const target = mkdtempSync(join(root, '.vrift-verify-'));
  // Whoever interrupts means cargo, which gets the signal itself; then this cleans up.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    await build(cli, args, { target });
    rmSync(target, { recursive: true, force: true });
    const startedMs = Date.now();
    await build(cli, args, { target, verify: 'scripts' });
    const runs = (await cli.node.ask('why', { buildScript: true })) as ScriptInfo[];
    return runs
      .filter(({ at }) => at >= startedMs)
      .map((run) => ({ package: run.package, ...endingOf(run) }))
      .sort((a, b) => (a.package < b.package ? -1 : 1));
  } finally {
    process.off('SIGINT', ignore);
    rmSync(target, { recursive: true, force: true });
  }
}

async function build(
  cli: Cli,
  args: readonly string[],
  { target, verify }: { target: string; verify?: string },
): Promise<void> {
  const { VRIFT_RECACHE: _, VRIFT_VERIFY: __, ...given } = cli.env;
  const env: NodeJS.ProcessEnv = {
    ...given,
    RUSTC_WRAPPER: launcherPath(),
    CARGO_TARGET_DIR: target,
    ...(given.VRIFT_HOME !== undefined && { VRIFT_HOME: cli.node.home }),
    ...(verify !== undefined && { VRIFT_VERIFY: verify }),
  };
  const command = ['cargo', 'build', ...args];
  const terminal = [cli.stdin, cli.stdout, cli.stderr].some((stream) => stream.isTTY === true);
  const { exitCode, problem } = await runChild(command, { env, cwd: cli.cwd, terminal });
  if (exitCode === 0) return;
  const why = problem ?? `\`${command.join(' ')}\` ended with ${exitCode}`;
  throw new VriftError('VRIFT_BUILD_FAILED', `cannot compare runs of build scripts: ${why}`);
}

function endingOf({ outcome, recorded }: ScriptInfo): Omit<ReplayInfo, 'package'> {
  if (outcome === 'ran' && recorded === 'checked') return { ending: 'same', reason: '' };
  if (recorded.startsWith('differs')) return { ending: 'differs', reason: '' };
  const reason = recorded === 'stored' ? 'its inputs changed between the runs' : recorded;
  return { ending: 'not replayed', reason };
}
