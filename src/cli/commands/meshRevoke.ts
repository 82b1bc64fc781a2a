import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type {
  AddedByInfo,
  AddedInfo,
  MemberInfo,
  MeshInfo,
  RevokedInfo,
} from '../../wire/control.js';
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
  const fate =
    said === undefined && !flags.json ? await askOf(cli, node) : { node, keepAdded: said };
  const params = { recall: flags.recall === true, force: flags.force === true, ...fate };
  const done = (await cli.node.ask('mesh.revoke', params, {
    timeoutMs: SPREAD_MS,
  })) as RevokedInfo;
  const members = (await cli.node.ask('mesh.members')) as MemberInfo[];
  const left = members.filter(({ revoked }) => !revoked).length;
  const also = done.recalled ? ', and what it produced is refused' : '';
  const lines = [
    `${done.name} (${shortId(done.node)}) is out for ever${also}; ${left} members are left`,
    ...(done.kept.length > 0 ? [`it had added, and they stay: ${namesOf(done.kept)}`] : []),
    ...(done.dropped.length > 0 ? [`it had added, and they go too: ${namesOf(done.dropped)}`] : []),
  ];
  return { json: done, text: lines.join('\n') };
}

/** Asks at a terminal what becomes of those whom the node had added; says nothing if there is none. */
async function askOf(
  cli: Cli,
  wanted: string,
): Promise<{ node: string; keepAdded?: boolean; shown?: readonly string[] }> {
  if (!cli.stdin.isTTY) return { node: wanted };
  // By its id from here on: names may change while the person reads.
  const { node, name, added } = (await cli.node.ask('mesh.added', { node: wanted })) as AddedByInfo;
  if (added.length === 0) return { node, keepAdded: true, shown: [] };
  const list = added.map((entry) => `  ${nameOf(entry)}, ${entry.role}\n`).join('');
  cli.stderr.write(`${name} (${shortId(node)}) had added:\n${list}`);
  const lines = createInterface({ input: cli.stdin, output: cli.stderr });
  const given = new AbortController();
  lines.once('SIGINT', () => given.abort());
  lines.once('close', () => given.abort());
  try {
    const answer = await lines.question('Keep them? [y/n] ', { signal: given.signal });
    const isYes = /^y(es)?$/i.test(answer.trim());
    if (!isYes && !/^no?$/i.test(answer.trim())) throw usageError(UNANSWERED);
    return { node, keepAdded: isYes, shown: added.map(({ statement }) => statement) };
  } catch (error) {
    if (given.signal.aborted) throw usageError(UNANSWERED);
    throw error;
  } finally {
    lines.close();
  }
}

const UNANSWERED =
  'nobody is revoked: answer y or n, or say --keep-added or --drop-added with the command';

function nameOf({ name, node }: AddedInfo): string {
  return `${name} (${shortId(node)})`;
}

function namesOf(entries: readonly AddedInfo[]): string {
  return entries.map(nameOf).join(', ');
}
