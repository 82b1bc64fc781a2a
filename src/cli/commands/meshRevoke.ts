import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { MemberInfo, MeshInfo } from '../../wire/control.js';
import { toVriftError } from '../../wire/failure.js';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import type { Answer } from '../output.js';
import { shortId } from '../words.js';
import { meshAnswer } from './meshJoin.js';

interface RevokeFlags {
  json?: boolean;
  recall?: boolean;
  keepAdded?: boolean;
  dropAdded?: boolean;
  force?: boolean;
}

interface Revoked {
  node: string;
  name: string;
  recalled: boolean;
  added: string[];
}

/** Waiting until connected peers have heard of it. */
const SPREAD_MS = 30_000;

/** How somebody, or an old key, goes out of a mesh. */
export function addRevoking(mesh: Command, cli: Cli): void {
  addCommand(
    mesh,
    'revoke',
    'shut a node out for ever: a lost laptop, somebody who left',
    'vrift mesh revoke bobs-laptop --recall',
  )
    .argument('<node>', 'its name, or the beginning of its id')
    .option('--recall', 'all that it produced is refused as well, everywhere')
    .option('--keep-added', 'those whom it added stay')
    .option('--drop-added', 'those whom it added go with it')
    .option('--force', 'even if no admin is left')
    .action((node: string, flags: RevokeFlags) =>
      answerWith(cli, flags, () => revoke(cli, node, flags)),
    );

  addCommand(
    mesh,
    'rotate',
    'give this node a new key: the old one can never come back',
    'vrift mesh rotate',
  ).action((flags: { json?: boolean }) =>
    answerWith(cli, flags, async () => {
      await cli.node.start();
      const info = await cli.node.ask('mesh.rotate', {}, { timeoutMs: SPREAD_MS });
      return meshAnswer(info as MeshInfo);
    }),
  );
}

async function revoke(cli: Cli, node: string, flags: RevokeFlags): Promise<Answer> {
  if (flags.keepAdded && flags.dropAdded)
    throw usageError('--keep-added or --drop-added, not both');
  await cli.node.start();
  const said = flags.keepAdded ? true : flags.dropAdded ? false : undefined;
  const params = { node, recall: flags.recall === true, force: flags.force === true };
  const send = (keepAdded: boolean | undefined) =>
    cli.node.ask('mesh.revoke', { ...params, keepAdded }, { timeoutMs: SPREAD_MS });
  const done = (await send(said).catch(async (error: unknown) => {
    const { code, message } = toVriftError(error);
    const asks = code === 'VRIFT_USAGE' && message.endsWith('--keep-added or --drop-added');
    if (!asks || flags.json || !cli.stdin.isTTY) throw error;
    return send(await askWhetherToKeep(cli, message));
  })) as Revoked;
  const members = (await cli.node.ask('mesh.members')) as MemberInfo[];
  const left = members.filter(({ revoked }) => !revoked).length;
  const also = done.recalled ? ', and what it produced is refused' : '';
  return {
    json: done,
    text: `${done.name} (${shortId(done.node)}) is out for ever${also}; ${left} members are left`,
  };
}

async function askWhetherToKeep(cli: Cli, message: string): Promise<boolean> {
  const lines = createInterface({ input: cli.stdin, output: cli.stderr });
  try {
    const about = message.slice(0, message.indexOf(': say '));
    const answer = await lines.question(`${about}. Keep them? [y/n] `);
    if (/^y(es)?$/i.test(answer.trim())) return true;
    if (/^no?$/i.test(answer.trim())) return false;
    throw usageError('answer y or n, or say --keep-added or --drop-added');
  } finally {
    lines.close();
  }
}
