import type { Command } from 'commander';
import type { MemberInfo, MeshInfo } from '../../wire/control.js';
import { parseDuration } from '../../wire/units.js';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import type { Answer } from '../output.js';
import { pairs, table } from '../table.js';
import { durationText, shortId } from '../words.js';

interface InviteFlags {
  json?: boolean;
  role?: string;
  ttl: string;
}

interface InviteInfo {
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Joining waits for the inviting machine, which may be slow to answer. */
const JOIN_MS = 60_000;
const MAX_TOKEN_BYTES = 16 * 1024;

export function addMesh(program: Command, cli: Cli): void {
  const mesh = program
    .command('mesh')
    .description('found a mesh, invite to it, join it, leave it')
    .addHelpText('after', '\nExample:\n  vrift mesh create office\n  vrift mesh invite');

  addCommand(mesh, 'create', 'found a mesh, this node its admin', 'vrift mesh create office')
    .argument('[name]', 'what people call it')
    .action((name: string | undefined, flags: { json?: boolean }) =>
      answerWith(cli, flags, async () => {
        await cli.node.start();
        return meshAnswer((await cli.node.ask('mesh.create', { name })) as MeshInfo);
      }),
    );

  addCommand(mesh, 'invite', 'print a token that admits one node', 'vrift mesh invite --ttl 1h')
    .option('--role <role>', 'admin, member, ci or reader')
    .option('--ttl <time>', 'how long the token is good for', '15m')
    .action((flags: InviteFlags) => answerWith(cli, flags, () => invite(cli, flags)));

  addCommand(
    mesh,
    'join',
    'join with a token',
    'vrift mesh join TOKEN\nvrift mesh join - < token.txt   # keeps it out of ps',
  )
    .argument('<token>', 'what `vrift mesh invite` printed, or - to read it from stdin')
    .action((token: string, flags: { json?: boolean }) =>
      answerWith(cli, flags, async () => {
        const text = token === '-' ? await readToken(cli) : token;
        await cli.node.start();
        const joined = await cli.node.ask('mesh.join', { token: text }, { timeoutMs: JOIN_MS });
        return meshAnswer(joined as MeshInfo);
      }),
    );

  addCommand(mesh, 'members', 'who belongs, and who added them', 'vrift mesh members').action(
    (flags: { json?: boolean }) =>
      answerWith(cli, flags, async () => {
        await cli.node.start();
        return membersAnswer((await cli.node.ask('mesh.members')) as MemberInfo[]);
      }),
  );

  addCommand(mesh, 'leave', 'leave the mesh; the local cache stays', 'vrift mesh leave')
    .option('--force', 'even as the last admin: nobody can be invited after that')
    .action((flags: { json?: boolean; force?: boolean }) =>
      answerWith(cli, flags, async () => {
        await cli.node.start();
        const json = await cli.node.ask('mesh.leave', { force: flags.force === true });
        return { json, text: 'left the mesh' };
      }),
    );
}

async function invite(cli: Cli, flags: InviteFlags): Promise<Answer> {
  const ttlMs = parseDuration(flags.ttl);
  if (ttlMs === undefined || ttlMs === 0) {
    throw usageError(`--ttl takes a time like 15m or 2h, not "${flags.ttl}"`);
  }
  await cli.node.start();
  const info = (await cli.node.ask('mesh.invite', { role: flags.role, ttlMs })) as InviteInfo;
  const left = durationText(Math.max(0, info.expiresAt - Date.now()));
  return {
    json: info,
    text: info.token,
    notes: [`Good for one node, for ${left}. There: vrift mesh join TOKEN`],
  };
}

function meshAnswer(info: MeshInfo): Answer {
  return {
    json: info,
    text: pairs([
      ['mesh', `${info.name} (${shortId(info.mesh)})`],
      ['node', `${shortId(info.node)}, ${info.role}`],
    ]),
  };
}

function membersAnswer(members: MemberInfo[]): Answer {
  const text = table(
    [
      { title: 'name', value: ({ name }) => name },
      { title: 'node', value: ({ node }) => shortId(node) },
      { title: 'role', value: ({ role }) => role },
      { title: 'added by', value: ({ addedBy }) => (addedBy === null ? '-' : shortId(addedBy)) },
      { title: 'state', value: ({ revoked }) => (revoked ? 'revoked' : 'member') },
    ],
    members,
  );
  return { json: members, text };
}

async function readToken(cli: Cli): Promise<string> {
  if (cli.stdin.isTTY) cli.stderr.write('token: ');
  let text = '';
  for await (const chunk of cli.stdin) {
    text += String(chunk);
    if (text.length > MAX_TOKEN_BYTES || (cli.stdin.isTTY && text.includes('\n'))) break;
  }
  const token = text.trim();
  if (token === '') throw usageError('there is no token on stdin');
  return token;
}
