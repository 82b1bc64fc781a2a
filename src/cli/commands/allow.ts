import { resolve } from 'node:path';
import type { Command } from 'commander';
import { printable } from '../../wire/printable.js';
import type { AllowedInfo, AllowInfo } from '../../wire/settings.js';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import type { Answer } from '../output.js';
import { table } from '../table.js';

interface AllowFlags {
  json?: boolean;
  undo?: boolean;
  list?: boolean;
}

export function addAllow(program: Command, cli: Cli): void {
  addCommand(
    program,
    'allow',
    "trust the present text of a project's velo.toml",
    'vrift allow\nvrift allow --undo ~/src/app',
  )
    .argument('[path]', 'a velo.toml, or a directory at or below it', '.')
    .option('--undo', 'take the permission back')
    .option('--list', 'show what was allowed')
    .action((path: string, flags: AllowFlags) =>
      answerWith(cli, flags, () => answer(cli, path, flags)),
    );
}

async function answer(cli: Cli, path: string, flags: AllowFlags): Promise<Answer> {
  if (flags.undo && flags.list) throw usageError('--undo does not go with --list');
  await cli.node.start();
  if (flags.list) return list((await cli.node.ask('project.allowed')) as AllowedInfo[]);
  const place = { path: resolve(cli.cwd, path) };
  if (flags.undo) {
    const taken = (await cli.node.ask('project.disallow', place)) as AllowInfo | null;
    if (taken === null)
      return { json: { file: null, digest: null }, text: 'nothing was allowed there' };
    const { file, digest } = taken;
    return { json: { file, digest }, text: `not allowed any more: ${printable(file)}` };
  }
  const info = (await cli.node.ask('project.allow', place)) as AllowInfo;
  const gained = info.widens.map(({ key, value, source }) => {
    return printable(`  ${key} = ${JSON.stringify(value)}  (${source})`);
  });
  const head = `allowed as it is now, until it changes: ${printable(info.file)}`;
  const said = gained.length === 0 ? ['  nothing in it needed that'] : gained;
  return {
    json: info,
    text: [head, ...said].join('\n'),
    notes: info.ignored.map((message) => `warning: ${printable(message)}`),
  };
}

function list(permissions: AllowedInfo[]): Answer {
  const text = table(
    [
      { title: 'file', value: ({ file }) => file },
      { title: 'sha-256', value: ({ digest }) => digest.slice(0, 16) },
      { title: 'state', value: ({ state }) => STATES[state] },
    ],
    permissions,
  );
  return { json: permissions, text };
}

const STATES: Readonly<Record<AllowedInfo['state'], string>> = {
  holds: 'allowed',
  changed: 'changed since: not allowed',
  gone: 'gone',
};
