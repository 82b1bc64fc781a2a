import type { Command } from 'commander';
import type { StatsInfo } from '../../wire/control.js';
import { toVriftError } from '../../wire/failure.js';
import { printable } from '../../wire/printable.js';
import type { ProjectInfo } from '../../wire/settings.js';
import { addCommand, type Cli } from '../command.js';
import { launcherPath } from '../launcher.js';
import { colored, errorText, warningText } from '../output.js';
import { runChild } from '../run/child.js';
import { type RunSummary, summarize, summaryLine } from '../run/summary.js';

interface Snapshot {
  pid: number;
  stats: StatsInfo;
}

export function addRun(program: Command, cli: Cli): void {
  addCommand(
    program,
    'run',
    'run a command with the compiler wrapper set, then sum up',
    'vrift run cargo build --release',
  )
    .argument('<command...>', 'what to run, with its arguments')
    .passThroughOptions()
    .action((command: string[], flags: { json?: boolean }) =>
      run(cli, command, flags.json === true),
    );
}

/** Nothing that vrift lacks keeps the command from running; its exit code is the command's. */
async function run(cli: Cli, command: string[], json: boolean): Promise<void> {
  const started = await attempt(cli, () => cli.node.start());
  if (started !== undefined) await warnAboutProject(cli);
  const wrapper = await attempt(cli, async () => launcherPath());
  const before = await snapshot(cli);

  const { exitCode, problem } = await runChild(command, {
    env: childEnvironment(cli, wrapper),
    cwd: cli.cwd,
    terminal: [cli.stdin, cli.stdout, cli.stderr].some((stream) => stream.isTTY === true),
  });

  if (problem === undefined) {
    const after = await snapshot(cli);
    cli.stderr.write(`${closing(before, after, json)}\n`);
  } else cli.stderr.write(`error: ${printable(problem)}\n`);
  cli.exit(exitCode);
}

function childEnvironment(cli: Cli, wrapper: string | undefined): NodeJS.ProcessEnv {
  const env = { ...cli.env };
  if (wrapper !== undefined) env.RUSTC_WRAPPER = wrapper;
  // A relative one would name another home in each directory that cargo compiles in.
  if (env.VRIFT_HOME) env.VRIFT_HOME = cli.node.home;
  return env;
}

async function warnAboutProject(cli: Cli): Promise<void> {
  await attempt(cli, async () => {
    const project = (await cli.node.ask('project.check', { cwd: cli.cwd })) as ProjectInfo;
    for (const ignored of project.ignored) cli.stderr.write(`${warningText(ignored)}\n`);
    if (project.error === null) return;
    cli.stderr.write(`${errorText(project.error, colored(cli.stderr, cli.env))}\n`);
    cli.stderr.write('vrift: this build goes on without the cache\n');
  });
}

async function snapshot(cli: Cli): Promise<Snapshot | undefined> {
  try {
    const { pid } = (await cli.node.ask('ping')) as { pid: number };
    return { pid, stats: (await cli.node.ask('stats', { reset: false })) as StatsInfo };
  } catch {
    return undefined;
  }
}

function closing(before: Snapshot | undefined, after: Snapshot | undefined, json: boolean): string {
  if (after === undefined) {
    return json ? 'null' : 'vrift: no node answers; see `vrift status` and `vrift log`';
  }
  const same = before !== undefined && before.pid === after.pid;
  const summary: RunSummary = summarize(same ? before.stats : undefined, after.stats);
  return json ? JSON.stringify(summary) : summaryLine(summary);
}

/** Says what failed, and goes on. */
async function attempt<T>(cli: Cli, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    cli.stderr.write(`${errorText(toVriftError(error), colored(cli.stderr, cli.env))}\n`);
    return undefined;
  }
}
