import { join } from 'node:path';
import type { Command } from 'commander';
import type { CargoEditInfo } from '../../wire/settings.js';
import { cargoHome, configIn, readConfig, workspaceRoot, writeConfig } from '../cargo/files.js';
import { addCommand, answerWith, type Cli } from '../command.js';
import { launcherPath } from '../launcher.js';
import type { Answer } from '../output.js';

interface InitFlags {
  json?: boolean;
  project?: boolean;
  undo?: boolean;
}

export function addInit(program: Command, cli: Cli): void {
  addCommand(
    program,
    'init',
    "let cargo use vrift: one line in cargo's configuration",
    'vrift init\nvrift init --undo',
  )
    .option('--project', "this workspace's configuration instead of the user's")
    .option('--undo', 'take the line out again')
    .action((flags: InitFlags) => answerWith(cli, flags, () => init(cli, flags)));
}

async function init(cli: Cli, flags: InitFlags): Promise<Answer> {
  const undo = flags.undo === true;
  const wrapper = undo ? null : launcherPath();
  const file =
    flags.project === true
      ? configIn(join(workspaceRoot(cli.cwd, cli.env), '.cargo'))
      : configIn(cargoHome(cli.env));
  const old = readConfig(file);
  if (undo && old === '')
    return { json: { file, before: null, after: null }, text: unchanged(file) };

  await cli.node.start();
  const edit = (await cli.node.ask('cargo.init', {
    file,
    text: old,
    undo,
    wrapper,
  })) as CargoEditInfo;
  if (edit.text !== old) writeConfig(file, edit.text);
  const { before, after } = edit;
  return {
    json: { file, before, after },
    text: edit.text === old ? unchanged(file) : [file, ...change(before, after)].join('\n'),
    notes: after === null ? [] : advice(cli, flags.project === true),
  };
}

function unchanged(file: string): string {
  return `${file}\n  nothing to change`;
}

function change(before: string | null, after: string | null): string[] {
  return [
    ...(before === null ? [] : [`- build.rustc-wrapper = ${JSON.stringify(before)}`]),
    ...(after === null ? [] : [`+ build.rustc-wrapper = ${JSON.stringify(after)}`]),
  ];
}

function advice(cli: Cli, project: boolean): string[] {
  const variable = ['RUSTC_WRAPPER', 'CARGO_BUILD_RUSTC_WRAPPER'].find((name) => cli.env[name]);
  return [
    ...(project ? ['note: the path is of this machine; do not commit it'] : []),
    ...(variable === undefined
      ? []
      : [`warning: ${variable} is set here and wins over the file\n  next: unset ${variable}`]),
  ];
}
